import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isWorker, nextMacrotask, outside } from '../../src/lib/platform.ts'
import { microtasks, turn } from '../support/turn.ts'

/** The module as another platform loads it. */
async function loadOn(
  globals: Record<string, unknown>,
): Promise<typeof import('../../src/lib/platform.ts')> {
  vi.resetModules()
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  return await import('../../src/lib/platform.ts')
}

const worker = { navigator: { userAgent: 'Cloudflare-Workers' } }

let calls: string[] = []
const job = (name: string): { run: () => void } => ({ run: () => void calls.push(name) })

beforeEach(() => {
  calls = []
})
afterEach(() => {
  vi.unstubAllGlobals()
})

describe('isWorker', () => {
  it('is true on Workers, and not here', async () => {
    expect(isWorker).toBe(false)
    expect((await loadOn(worker)).isWorker).toBe(true)
    expect((await loadOn({ navigator: undefined })).isWorker).toBe(false)
  })
})

describe('nextMacrotask()', () => {
  it('runs the job after what is due in this turn, a macrotask too', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    nextMacrotask({ run: resolve })
    nextMacrotask(job('job'))
    setImmediate(() => calls.push('macrotask'))
    await microtasks()
    calls.push('microtasks')
    await promise
    expect(calls).toEqual(['microtasks', 'macrotask', 'job'])
  })

  it('runs the jobs of one turn together, in their order', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    nextMacrotask({
      run: () => {
        queueMicrotask(() => calls.push('microtask'))
        calls.push('first')
      },
    })
    nextMacrotask(job('second'))
    nextMacrotask({ run: resolve })
    await promise
    expect(calls).toEqual(['first', 'second', 'microtask'])
  })

  it('runs the job of a job later', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    nextMacrotask({
      run: () => {
        nextMacrotask({ run: resolve })
        nextMacrotask(job('inner'))
        calls.push('outer')
      },
    })
    nextMacrotask(job('second'))
    await promise
    expect(calls).toEqual(['outer', 'second', 'inner'])
  })

  it('goes on where a test fakes the timers', async () => {
    vi.useFakeTimers()
    try {
      const { promise, resolve } = Promise.withResolvers<void>()
      nextMacrotask({ run: resolve })
      await promise
    } finally {
      vi.useRealTimers()
    }
  })

  it('uses a timer of each request on Workers', async () => {
    const timers: (() => void)[] = []
    const setTimeout = vi.fn<(callback: () => void) => void>(
      (callback) => void timers.push(callback),
    )
    const elsewhere = await loadOn({ ...worker, setTimeout })
    // As the fake timers of a test would.
    vi.stubGlobal('setTimeout', undefined)
    elsewhere.nextMacrotask(job('one'))
    elsewhere.nextMacrotask(job('two'))
    expect(timers).toHaveLength(2)
    timers[1]?.()
    expect(calls).toEqual(['two'])
  })

  it('leaves setImmediate alone in the edge runtime, where it throws', async () => {
    const timers: (() => void)[] = []
    const elsewhere = await loadOn({
      EdgeRuntime: 'edge-runtime',
      setTimeout: (callback: () => void) => void timers.push(callback),
      setImmediate: () => {
        throw new Error('not supported')
      },
    })
    elsewhere.nextMacrotask(job('job'))
    for (let timer = timers.shift(); timer !== undefined; timer = timers.shift()) timer()
    expect(calls).toEqual(['job'])
  })

  it('goes without setImmediate where there is none', async () => {
    const timers: (() => void)[] = []
    const elsewhere = await loadOn({
      setTimeout: (callback: () => void) => void timers.push(callback),
      setImmediate: undefined,
    })
    elsewhere.nextMacrotask(job('job'))
    for (let timer = timers.shift(); timer !== undefined; timer = timers.shift()) timer()
    expect(calls).toEqual(['job'])
  })
})

describe('outside()', () => {
  it('runs the function without the async context of the caller, before the next macrotask', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    requests.run('a request', () => {
      outside(() => seen.push(requests.getStore()))
      outside(() => seen.push(requests.getStore()))
    })
    await microtasks()
    expect(seen).toEqual([undefined, undefined])
  })

  it('runs what is given to it while it runs', async () => {
    outside(() => outside(() => void calls.push('inner')))
    await microtasks()
    expect(calls).toEqual(['inner'])
    outside(() => void calls.push('later'))
    await microtasks()
    expect(calls).toEqual(['inner', 'later'])
  })

  it('runs the function at once on Workers, where a promise must not serve another request', async () => {
    const elsewhere = await loadOn(worker)
    elsewhere.outside(() => void calls.push('job'))
    expect(calls).toEqual(['job'])
    await turn()
    expect(calls).toEqual(['job'])
  })
})
