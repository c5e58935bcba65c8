import { describe, expect, it } from 'vitest'
import { ThreadPool } from '../../src/threads/thread-pool.ts'
import { rejection } from '../support/misuse.ts'
import { watchThreads } from '../support/threads.ts'

const module = new URL('../support/thread-functions.ts', import.meta.url).href

const workers = watchThreads()

describe('ThreadPool.run()', { timeout: 30_000 }, () => {
  it('calls the export on a thread, which there is none of before', async () => {
    const pool = new ThreadPool(module, { threads: 1 })
    expect(workers).toHaveLength(0)
    expect(await pool.run('whereAmI', [])).toEqual({
      isMainThread: false,
      threadId: workers[0]?.threadId,
    })
    expect(workers).toHaveLength(1)
  })

  it('keeps the thread for the next call', async () => {
    const pool = new ThreadPool(module, { threads: 1 })
    const first = await pool.run('threadIdAgain', [])
    expect(await pool.run('threadIdAgain', [])).toBe(first)
    expect(workers).toHaveLength(1)
  })

  it('rejects a call whose signal has aborted already, and starts no thread', async () => {
    const pool = new ThreadPool(module, { threads: 1 })
    const reason = new Error('no longer needed')
    const running = pool.run('add', [1, 2], AbortSignal.abort(reason))
    expect(await rejection(running)).toBe(reason)
    expect(workers).toHaveLength(0)
  })

  it('rejects a call that waits for a thread when its signal aborts, and runs the one after it', async () => {
    const pool = new ThreadPool(module, { threads: 1 })
    const shared = new Int32Array(new SharedArrayBuffer(8))
    const blocking = pool.run('block', [shared])
    const waits = new AbortController()
    const waiting = rejection(pool.run('add', [1, 2], waits.signal))
    const next = pool.run('add', [3, 4])
    const reason = new Error('no longer needed')
    waits.abort(reason)
    // Told while the only thread is still busy with another call.
    expect(await waiting).toBe(reason)
    Atomics.store(shared, 1, 1)
    Atomics.notify(shared, 1)
    await blocking
    expect(await next).toBe(7)
    expect(workers).toHaveLength(1)
  })

  it('ends the thread of a call whose signal aborts, and runs the next one on another', async () => {
    const pool = new ThreadPool(module, { threads: 1 })
    const shared = new Int32Array(new SharedArrayBuffer(8))
    const cancelled = new AbortController()
    const blocking = rejection(pool.run('block', [shared], cancelled.signal))
    const next = pool.run('threadIdAgain', [])
    // Blocked for good: nobody opens the gate.
    await Atomics.waitAsync(shared, 0, 0).value
    const reason = new Error('timed out')
    cancelled.abort(reason)
    expect(await blocking).toBe(reason)
    expect(await next).toBe(workers[1]?.threadId)
    expect(workers).toHaveLength(2)
  })

  it('rejects with what the function has thrown, and with what the call did wrong', async () => {
    const pool = new ThreadPool(module, { threads: 1 })
    expect(await rejection(pool.run('failNatively', []))).toEqual(new TypeError('not a number'))
    expect(await rejection(pool.run('notAFunction', []))).toEqual(
      new TypeError(
        `Cannot run notAFunction on another thread: ${module} exports no such function, export it there`,
      ),
    )
    expect(await rejection(pool.run('ignore', [1, () => {}]))).toEqual(
      new TypeError(
        'Cannot run ignore on another thread: argument 2 cannot be cloned, pass plain data',
      ),
    )
  })
})
