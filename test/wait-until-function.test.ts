import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { provideBackgroundTasks } from '../src/context.ts'
import { BackgroundTask, BackgroundTaskError, drain, inFlight, waitUntil } from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { takePrinted, watchReports } from './support/reports.ts'
import { newThenable } from './support/thenable.ts'
import { microtasks, turn } from './support/turn.ts'

watchReports()

/** Works only as a method, as on Workers. */
class Context {
  readonly #held: unknown[] = []
  waitUntil(promise: unknown): void {
    this.#held.push(promise)
  }

  /** True when everything that the host was told to wait for has settled. */
  async isIdle(): Promise<boolean> {
    let isIdle = false
    void Promise.allSettled(this.#held).then(() => (isIdle = true))
    await turn()
    return isIdle
  }

  get count(): number {
    return this.#held.length
  }
}

describe('waitUntil()', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [() => Promise.resolve(), 'a function'],
    ['done', 'a string'],
    [{}, 'an object'],
  ])('refuses %s', (promise, kind) => {
    expect(misuse(() => waitUntil(promise as never))).toMatch(
      new RegExp(`^Cannot wait .*: it is ${kind}, pass a promise`),
    )
    expect(inFlight()).toEqual([])
  })

  it('returns nothing, at once', () => {
    expect(waitUntil(Promise.resolve())).toBeUndefined()
  })

  it('counts as a running task of this name', async () => {
    const gate = newGate()
    waitUntil(gate.opened)
    const [task] = inFlight()
    expect(task).toBeInstanceOf(BackgroundTask)
    expect(task).toMatchObject({ name: 'waitUntil', status: 'running' })
    expect(inFlight()).toHaveLength(1)
    gate.open()
    expect(await task?.finished).toMatchObject({ name: 'waitUntil', status: 'fulfilled' })
    expect(inFlight()).toEqual([])
  })

  it('takes a thenable', async () => {
    const gate = newGate()
    waitUntil(newThenable((resolve) => void gate.opened.then(resolve)) as PromiseLike<unknown>)
    await microtasks()
    expect(inFlight()).toHaveLength(1)
    gate.open()
    await drain()
  })

  it('is waited for by drain, which counts it', async () => {
    const gate = newGate()
    waitUntil(gate.opened)
    const drained = vi.fn<(result: unknown) => void>()
    const draining = drain().then(drained)
    await turn()
    expect(drained).not.toHaveBeenCalled()
    gate.open()
    await draining
    expect(drained).toHaveBeenCalledExactlyOnceWith({ finished: 1, abandoned: [] })
  })

  it('is abandoned at the deadline of drain', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    waitUntil(new Promise(() => {}))
    const [task] = inFlight()
    const draining = drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    const { abandoned } = await draining
    expect(abandoned).toEqual([task])
    expect(abandoned[0]).toMatchObject({ name: 'waitUntil', status: 'rejected' })
    expect(inFlight()).toEqual([])
    await turn()
    // A running task that drain gives up on is reported, wherever it comes from.
    expect(takePrinted()).toMatchObject([[{ task: 'waitUntil', cause: { name: 'AbortError' } }]])
  })

  it.each<[string, unknown]>([
    ['an error', new Error('cache is down')],
    ['nothing', undefined],
  ])('prints a rejection as a BackgroundTaskError, once: with %s', async (_, reason) => {
    waitUntil(Promise.reject(reason))
    await drain()
    await turn()
    const printed = takePrinted()
    expect(printed).toHaveLength(1)
    expect(printed[0]?.[0]).toBeInstanceOf(BackgroundTaskError)
    expect(printed[0]?.[0]).toMatchObject({ task: 'waitUntil', skipped: [], cause: reason })
  })

  it('waits for each promise by itself', async () => {
    const gates = [newGate(), newGate()]
    for (const { opened } of gates) waitUntil(opened)
    expect(inFlight()).toHaveLength(2)
    gates[1]?.open()
    await turn()
    expect(inFlight()).toHaveLength(1)
    gates[0]?.open()
    await drain()
  })

  it('can be handed to a library as it is, which may call it as its own method', async () => {
    const cache = { waitUntil, save: () => cache.waitUntil(turn()) }
    cache.save()
    expect(inFlight()).toMatchObject([{ name: 'waitUntil' }])
    await drain()
  })

  it('may be called by what is waited for', async () => {
    const gate = newGate()
    const first = async (): Promise<void> => {
      await turn()
      waitUntil(gate.opened)
    }
    waitUntil(first())
    const drained = vi.fn<() => void>()
    const draining = drain().then(drained)
    await turn()
    await turn()
    expect(drained).not.toHaveBeenCalled()
    gate.open()
    await draining
  })
})

describe('waitUntil() below a handler of background-tasks/context', () => {
  it.each<[string, (context: Context) => unknown[]]>([
    ['Workers', (context) => [new Request('http://localhost/'), {}, context]],
    ['@whatwg-node/server', (context) => [new Request('http://localhost/'), context]],
  ])('is held by the waitUntil of the request: %s', async (_, place) => {
    const context = new Context()
    const gate = newGate()
    const handle = provideBackgroundTasks(async (..._args: unknown[]) => {
      await turn()
      waitUntil(gate.opened)
      return new Response('body')
    })
    const response = await handle(...place(context))
    await response.text()
    expect(await context.isIdle()).toBe(false)
    gate.open()
    await drain()
    expect(await context.isIdle()).toBe(true)
  })

  it('is held by the waitUntil of its options', async () => {
    const context = new Context()
    const gate = newGate()
    const handle = provideBackgroundTasks(
      () => {
        waitUntil(gate.opened)
        return new Response(null)
      },
      { waitUntil: (promise) => context.waitUntil(promise) },
    )
    handle()
    await turn()
    expect(await context.isIdle()).toBe(false)
    gate.open()
    await drain()
    expect(await context.isIdle()).toBe(true)
  })

  it('is held when a task calls it, while the host still waits for that', async () => {
    const context = new Context()
    const gate = newGate()
    const handle = provideBackgroundTasks((..._args: unknown[]) =>
      new BackgroundTask(() => waitUntil(gate.opened)).wrap(new Response('body')),
    )
    await handle(new Request('http://localhost/'), {}, context).text()
    await turn()
    expect(inFlight()).toMatchObject([{ name: 'waitUntil' }])
    expect(await context.isIdle()).toBe(false)
    gate.open()
    await drain()
    expect(await context.isIdle()).toBe(true)
  })

  it('keeps two requests apart', async () => {
    const [first, second] = [new Context(), new Context()]
    const gate = newGate()
    const handle = provideBackgroundTasks((_request: Request, _env: object, _context: Context) => {
      if (_context === first) waitUntil(gate.opened)
      return new Response(null)
    })
    for (const context of [first, second]) handle(new Request('http://localhost/'), {}, context)
    await turn()
    expect([await first.isIdle(), await second.isIdle()]).toEqual([false, true])
    gate.open()
    await drain()
    expect(await first.isIdle()).toBe(true)
  })

  it('does not hold back the tasks of the request, nor skip them when it rejects', async () => {
    const task = new BackgroundTask(() => {})
    const gate = newGate()
    const handle = provideBackgroundTasks(() => {
      waitUntil(gate.opened.then(() => Promise.reject(new Error('cache is down'))))
      return task.wrap(new Response('body'))
    })
    await handle().text()
    expect(await task.finished).toMatchObject({ status: 'fulfilled' })
    gate.open()
    await drain()
    await turn()
    expect(takePrinted()).toMatchObject([[{ task: 'waitUntil' }]])
  })
})

describe('waitUntil() where the platform has one that needs no argument', () => {
  const key = Symbol.for('@vercel/request-context')

  it('is held by that', async () => {
    const context = new Context()
    Reflect.set(globalThis, key, { get: () => context })
    onTestFinished(() => void Reflect.deleteProperty(globalThis, key))
    const gate = newGate()
    waitUntil(gate.opened)
    expect(context.count).toBe(1)
    expect(await context.isIdle()).toBe(false)
    gate.open()
    await drain()
    expect(await context.isIdle()).toBe(true)
  })
})
