import { beforeAll, describe, expect, it, vi } from 'vitest'
import { type EndListener, observeEnd } from '../../src/lib/body-end.ts'
import { readerOf } from '../support/body.ts'
import { watchReports } from '../support/reports.ts'
import { newSource } from '../support/source.ts'
import { turn } from '../support/turn.ts'

watchReports()

/** Notes each end it is told. */
function newListener(): { listener: EndListener; ends: unknown[][] } {
  const ends: unknown[][] = []
  return { listener: { end: (outcome, reason) => void ends.push([outcome, reason]) }, ends }
}

// One clock for all tests, which stands still: what waits for it is in the state of the module.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

describe('observeEnd()', () => {
  it('returns a response without a body as it is, and tells nothing', async () => {
    const { listener, ends } = newListener()
    const response = new Response(null, { status: 204 })
    expect(observeEnd(response, listener)).toBe(response)
    await turn()
    expect(ends).toEqual([])
  })

  it('tells a close before the reader sees it', async () => {
    const { listener, ends } = newListener()
    const source = newSource()
    const reader = readerOf(observeEnd(source.response, listener))
    const reading = reader.read().then(() => ends.push(['seen', undefined]))
    source.close()
    await reading
    expect(ends).toEqual([
      ['closed', undefined],
      ['seen', undefined],
    ])
  })

  it('tells an error before the reader sees it', async () => {
    const { listener, ends } = newListener()
    const source = newSource()
    const reader = readerOf(observeEnd(source.response, listener))
    const reading = reader.read().catch(() => ends.push(['seen', undefined]))
    source.error('broken')
    await reading
    expect(ends).toEqual([
      ['errored', 'broken'],
      ['seen', undefined],
    ])
  })

  it('tells a cancel before the source hears of it', async () => {
    const { listener, ends } = newListener()
    const body = new ReadableStream({
      cancel() {
        ends.push(['seen', undefined])
      },
    })
    await observeEnd(new Response(body), listener).body?.cancel('gone')
    expect(ends).toEqual([
      ['cancelled', 'gone'],
      ['seen', undefined],
    ])
  })

  it('tells one end, the first', async () => {
    const { listener, ends } = newListener()
    const client = new AbortController()
    const source = newSource()
    const response = observeEnd(source.response, listener, { signal: client.signal }, 50)
    const reader = readerOf(response)
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
    const { listener, ends } = newListener()
    const response = observeEnd(new Response('body'), listener, {})
    expect(await response.text()).toBe('body')
    expect(ends).toEqual([['closed', undefined]])
  })

  it('hands on nothing that comes after it has given up', async () => {
    const { listener, ends } = newListener()
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
    const response = observeEnd(new Response(body), listener, { signal: client.signal })
    const reading = readerOf(response).read()
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
    const { listener } = newListener()
    const response = observeEnd(new Response('body'), listener, { signal: client.signal })
    expect(added).toHaveBeenCalledOnce()
    await response.text()
    expect(removed.mock.calls).toEqual([added.mock.calls[0]])
  })
})

/** The same module on Workers. */
async function importForWorkers(): Promise<typeof import('../../src/lib/body-end.ts')> {
  vi.resetModules()
  vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
  return await import('../../src/lib/body-end.ts')
}

describe('observeEnd() on Workers', () => {
  it('keeps the encoding of a fetched response, which the host encodes anew', async () => {
    const fetched = Object.defineProperty(
      new Response('text', { headers: { 'content-encoding': 'gzip', 'content-length': '3' } }),
      'url',
      { value: 'http://localhost/' },
    )
    const { listener } = newListener()
    const anew = await importForWorkers()
    const { headers } = anew.observeEnd(fetched, listener)
    expect([...headers.keys()]).toContain('content-encoding')
    expect([...headers.keys()]).toContain('content-length')
  })

  it('says how long the body is, which the host asks for', async () => {
    const hidden = Symbol('length')
    class SizedStream extends ReadableStream<unknown> {
      get [hidden](): bigint {
        return 4n
      }
    }
    const sized = (): Response =>
      Object.defineProperty(new Response(null), 'body', { value: new SizedStream() })
    const sources: unknown[] = []
    class ObservedStream extends ReadableStream<unknown> {
      constructor(source: UnderlyingDefaultSource, strategy?: QueuingStrategy) {
        super(source, strategy)
        sources.push(source)
      }
    }
    const asking = await importForWorkers()
    vi.stubGlobal('ReadableStream', ObservedStream)
    asking.observeEnd(sized(), newListener().listener)
    observeEnd(sized(), newListener().listener)
    const observed = sources.filter((source) => source instanceof Object && 'deadline' in source)
    expect(observed.map((source) => Reflect.get(source, 'expectedLength'))).toEqual([4n, undefined])
  })

  it('counts a body as unread that is not read on, which the host may have dropped', async () => {
    const dropping = await importForWorkers()
    const { listener, ends } = newListener()
    const source = newSource()
    const response = dropping.observeEnd(source.response, listener, undefined, 160)
    const reader = readerOf(response)
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
