import { beforeAll, describe, expect, it, vi } from 'vitest'
import { runtime } from '../../src/hosts/runtime.ts'
import { workers } from '../../src/hosts/workers.ts'
import { Exchange } from '../../src/response/exchange.ts'
import { observeBody, type ObserveOptions } from '../../src/response/observed-body.ts'
import type { Outcome } from '../../src/response/outcome.ts'
import type { Runtime } from '../../src/response/runtime.ts'
import { readerOf } from '../support/body.ts'
import { misuse } from '../support/misuse.ts'
import { watchReports } from '../support/reports.ts'
import { newSource } from '../support/source.ts'
import { microtasks, turn } from '../support/turn.ts'

watchReports()

/** Notes each end that the body tells. */
class Listener extends Exchange {
  readonly ends: unknown[][] = []
  override bodyEnded(outcome: Outcome, reason?: unknown): void {
    this.ends.push([outcome, reason])
  }
}

/** The observed response, and the ends that it tells. */
function observe(
  response: Response,
  options: ObserveOptions = {},
  there: Runtime = runtime,
): { observed: Response; ends: unknown[][] } {
  const exchange = new Listener()
  return { observed: observeBody(response, exchange, there, options), ends: exchange.ends }
}

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

describe('observeBody()', () => {
  it('returns a response without a body as it is, and tells nothing', async () => {
    const response = new Response(null, { status: 204 })
    const { observed, ends } = observe(response)
    expect(observed).toBe(response)
    await turn()
    expect(ends).toEqual([])
  })

  // Of light classes: the constructor of Response refuses it, and the answer was a 500.
  it.each([204, 205, 304])('returns one as it is whose body %s never sends', (status) => {
    const response = Object.defineProperty(new Response('body'), 'status', { value: status })
    expect(observe(response).observed).toBe(response)
    expect(response.bodyUsed).toBe(false)
  })

  it('refuses a body that is read already, or that somebody else is reading', async () => {
    const message = 'Cannot wrap the response: its body is already read, wrap it before reading it'
    const read = new Response('body')
    await read.text()
    expect(misuse(() => observe(read))).toBe(message)
    const locked = new Response('body')
    readerOf(locked)
    expect(misuse(() => observe(locked))).toBe(message)
  })

  it('tells a close before the reader sees it', async () => {
    const source = newSource()
    const { observed, ends } = observe(source.response)
    const reader = readerOf(observed)
    const reading = reader.read().then(() => ends.push(['seen', undefined]))
    source.close()
    await reading
    expect(ends).toEqual([
      ['closed', undefined],
      ['seen', undefined],
    ])
  })

  it('tells an error before the reader sees it', async () => {
    const source = newSource()
    const { observed, ends } = observe(source.response)
    const reader = readerOf(observed)
    const reading = reader.read().catch(() => ends.push(['seen', undefined]))
    source.error('broken')
    await reading
    expect(ends).toEqual([
      ['errored', 'broken'],
      ['seen', undefined],
    ])
  })

  it('tells a cancel before the source hears of it', async () => {
    const seen: unknown[] = []
    const body = new ReadableStream({
      cancel(reason) {
        seen.push(...ends, reason)
      },
    })
    const { observed, ends } = observe(new Response(body))
    await observed.body?.cancel('gone')
    expect(seen).toEqual([['cancelled', 'gone'], 'gone'])
  })

  it('tells one end, the first', async () => {
    const client = new AbortController()
    const source = newSource()
    const options = { signal: client.signal, unreadTimeout: 50 }
    const { observed, ends } = observe(source.response, options)
    const reader = readerOf(observed)
    const reading = reader.read()
    client.abort('gone')
    source.error('broken')
    await reading.catch(() => {})
    await reader.cancel('too').catch(() => {})
    await vi.advanceTimersByTimeAsync(1000)
    await turn()
    expect(ends).toEqual([['errored', 'broken']])
  })

  it('listens to no signal when there is none', async () => {
    const { observed, ends } = observe(new Response('body'))
    expect(await observed.text()).toBe('body')
    expect(ends).toEqual([['closed', undefined]])
  })

  it('hands on nothing that comes after it has given up', async () => {
    const client = new AbortController()
    let enqueue: (() => void) | undefined
    const body = new ReadableStream(
      {
        pull: (controller) =>
          new Promise<void>((resolve) => {
            enqueue = () => {
              resolve()
              controller.enqueue(new Uint8Array(1))
            }
          }),
      },
      { highWaterMark: 0 },
    )
    const { observed, ends } = observe(new Response(body), { signal: client.signal })
    const reading = readerOf(observed).read()
    const failed = expect(reading).rejects.toBe('gone')
    await turn()
    client.abort('gone')
    // A cancelled source refuses the chunk: nobody is asked to take it.
    await vi.advanceTimersByTimeAsync(250)
    expect(() => enqueue?.()).toThrow(TypeError)
    await failed
    await turn()
    expect(ends).toEqual([['cancelled', 'gone']])
  })

  it('lets go of the signal and of the time when the body ends', async () => {
    const client = new AbortController()
    const added = vi.spyOn(client.signal, 'addEventListener')
    const removed = vi.spyOn(client.signal, 'removeEventListener')
    const { observed } = observe(new Response('body'), { signal: client.signal })
    expect(added).toHaveBeenCalledOnce()
    await observed.text()
    expect(vi.getTimerCount()).toBe(0)
    expect(removed.mock.calls).toEqual([added.mock.calls[0]])
  })

  it('listens to a signal that is known only later, and to one alone', async () => {
    const exchange = new Listener()
    observeBody(newSource().response, exchange, runtime, {})
    const [first, second] = [new AbortController(), new AbortController()]
    exchange.body?.listen(first.signal)
    exchange.body?.listen(second.signal)
    second.abort('not heard')
    await turn()
    expect(exchange.ends).toEqual([])
    first.abort('gone')
    await turn()
    expect(exchange.ends).toEqual([['cancelled', 'gone']])
  })

  it('counts a body as unread that nobody touches, and lets it be read after that', async () => {
    const { observed, ends } = observe(new Response('body'), { unreadTimeout: 50 })
    await vi.advanceTimersByTimeAsync(49)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(ends).toEqual([['unread', undefined]])
    expect(await observed.text()).toBe('body')
    expect(ends).toHaveLength(1)
  })

  // curl hangs up when it has what it was promised, before the source says that it is done.
  it.each([
    ['has all of the content-length and asks for more', true, ['closed', undefined]],
    ['may still hold some of what it was given', false, ['cancelled', 'gone']],
  ])('counts a cancel as a close where the reader %s', async (_, asksOn, end) => {
    const source = newSource({ headers: { 'content-length': '8' } })
    const { observed, ends } = observe(source.response)
    const reader = readerOf(observed)
    for (const half of ['half', 'rest']) {
      const reading = reader.read()
      source.enqueue(half)
      await reading
    }
    if (asksOn) void reader.read()
    await microtasks()
    await reader.cancel('gone')
    expect(ends).toEqual([end])
    expect(source.cancels()).toEqual(['gone'])
  })

  it('counts a cancel before that as one', async () => {
    const source = newSource({ headers: { 'content-length': '8' } })
    const { observed, ends } = observe(source.response)
    const reader = readerOf(observed)
    const reading = reader.read()
    source.enqueue('half')
    await reading
    await reader.cancel('gone')
    expect(ends).toEqual([['cancelled', 'gone']])
  })

  // A cache in front keeps a clone, and its copy failed.
  it('leaves the source to a clone that is still read when the client goes away', async () => {
    const client = new AbortController()
    const source = newSource()
    const { observed, ends } = observe(source.response, { signal: client.signal })
    const clone = observed.clone()
    const reading = readerOf(observed).read()
    source.enqueue('half')
    await reading
    client.abort('gone')
    await vi.advanceTimersByTimeAsync(250)
    expect(ends).toEqual([['cancelled', 'gone']])
    expect(source.cancels()).toEqual([])
    const rest = clone.text()
    source.enqueue('rest')
    source.close()
    expect(await rest).toBe('halfrest')
  })
})

/** Each source of a stream that is made until the test ends. */
function watchSources(): unknown[] {
  const sources: unknown[] = []
  class WatchedStream extends ReadableStream<unknown> {
    constructor(source: UnderlyingDefaultSource, strategy?: QueuingStrategy) {
      super(source, strategy)
      sources.push(source)
    }
  }
  vi.stubGlobal('ReadableStream', WatchedStream)
  return sources
}

describe('observeBody() in a runtime', () => {
  it('says how long the body is, where the runtime asks for it', () => {
    const [asked, other] = [new Response('body'), new Response('body')]
    const sources = watchSources()
    observe(asked, {}, { ...runtime, lengthOf: () => 4n })
    observe(other)
    expect(sources.map((source) => Reflect.get(Object(source), 'expectedLength'))).toEqual([
      4n,
      undefined,
    ])
  })

  it('lets the runtime make the response again, where that keeps more', () => {
    const made = new Response('made')
    const { observed } = observe(new Response('body'), {}, { ...runtime, remake: () => made })
    expect(observed).toBe(made)
  })

  it('counts a body as unread that is not read on, where the runtime may have dropped it', async () => {
    const source = newSource()
    const { observed, ends } = observe(source.response, { unreadTimeout: 160 }, workers)
    const reader = readerOf(observed)
    const reading = reader.read()
    await vi.advanceTimersByTimeAsync(1000)
    // It waits for the source, not for the host.
    expect(ends).toEqual([])
    source.enqueue('chunk')
    await reading
    await vi.advanceTimersByTimeAsync(159)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(ends).toEqual([['unread', undefined]])

    const late = reader.read()
    source.enqueue('late')
    expect((await late).done).toBe(false)
    source.close()
    await reader.read()
    await vi.advanceTimersByTimeAsync(1000)
    expect(ends).toHaveLength(1)
  })
})
