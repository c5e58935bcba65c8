/** Each `describe` is one promise of docs/lifecycle.md, in its order. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  BackgroundTaskError,
  BackgroundTasks,
  drain,
  type HandlerOptions,
  instrument,
  type Outcome,
  type TaskContext,
  withBackgroundTasks,
  type WrapOptions,
} from '../src/index.ts'
import type { Exchange } from '../src/response/exchange.ts'
import { bodyOf, readerOf } from './support/body.ts'
import { isCollected } from './support/garbage.ts'
import { type Gate, newGate } from './support/gate.ts'
import { handleOn } from './support/handle.ts'
import { takePrinted, watchReports } from './support/reports.ts'
import { newSource } from './support/source.ts'
import { newThenable } from './support/thenable.ts'
import { microtasks, turn } from './support/turn.ts'
import { everyOutcome, newWitness } from './support/witness.ts'

watchReports()

const url = 'http://localhost/'

// One clock for all tests, which stands still: what waits for it is in the state of the process.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

/** The tests look at the failures themselves. */
const quiet: HandlerOptions = { onError: () => {} }

/** A list with one witness, and the wrapped response. */
function wrapWitness(
  response: Response,
  options?: WrapOptions,
): { response: Response; witness: ReturnType<typeof newWitness>; tasks: BackgroundTasks } {
  const witness = newWitness()
  const tasks = new BackgroundTasks([witness.task])
  return { response: tasks.wrap(response, options), witness, tasks }
}

/** A request, and what its client does. */
function newRequest(init: RequestInit = {}): { request: Request; leave: (why?: unknown) => void } {
  const client = new AbortController()
  return {
    request: new Request(url, { ...init, signal: client.signal }),
    leave: (why) => client.abort(why),
  }
}

/** Starts the server until the end of the test. */
async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}/`
}

describe('A task waits for the handler, and for a reader that has asked for more than the last chunk', () => {
  const answers: [string, () => Response][] = [
    ['a body', () => new Response('body')],
    ['no body', () => new Response(null, { status: 204 })],
  ]
  it.each(answers)('does not start while the handler runs: %s', async (_, answer) => {
    const gate = newGate()
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks) => {
      tasks.addTask(witness.task)
      await gate.opened
      return answer()
    })
    const answered = handle()
    await turn()
    expect(witness.outcomes()).toEqual([])

    gate.open()
    await (await answered).text()
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('does not start while the handler runs, though the client has gone', async () => {
    const gate = newGate()
    const { request, leave } = newRequest()
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks, _request: Request) => {
      tasks.addTask(witness.task)
      await gate.opened
      return new Response('body')
    })
    const answered = handle(request)
    leave()
    await turn()
    expect(witness.outcomes()).toEqual([])

    gate.open()
    await answered
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  // The injected list could be wrapped, and then ran beside its handler.
  it.each(answers)(
    'does not start while the handler runs, though that has wrapped a response itself: %s',
    async (_, answer) => {
      const gate = newGate()
      const witness = newWitness()
      const handle = withBackgroundTasks(async (tasks) => {
        tasks.addTask(witness.task)
        const response = answer()
        expect(tasks.wrap(response, { unreadTimeout: 5 })).toBe(response)
        await gate.opened
        return response
      })
      const answered = handle()
      await vi.advanceTimersByTimeAsync(100)
      await turn()
      expect(witness.outcomes()).toEqual([])

      gate.open()
      await (await answered).text()
      await turn()
      expect(witness.outcomes()).toEqual(['closed'])
    },
  )

  it('does not start before the reader has asked for more than the last chunk', async () => {
    const { response, witness } = wrapWitness(new Response(bodyOf(['first', 'last'])))
    const reader = readerOf(response)
    await turn()
    await reader.read()
    await turn()
    await reader.read()
    await turn()
    expect(witness.outcomes()).toEqual([])

    expect((await reader.read()).done).toBe(true)
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('does not start when the source closes, but when the reader has seen it', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    const reader = readerOf(response)
    const reading = reader.read()
    source.enqueue('last')
    source.close()
    await reading
    await turn()
    expect(witness.outcomes()).toEqual([])

    await reader.read()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('reads nothing ahead of the reader', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    await turn()
    expect(source.pulls()).toBe(0)

    const reader = readerOf(response)
    const reading = reader.read()
    await turn()
    expect(source.pulls()).toBe(1)
    source.enqueue('chunk')
    await reading
    await turn()
    expect(source.pulls()).toBe(1)

    await reader.cancel()
    await witness.task.finished
  })

  it('hands each chunk on as it is, whatever memory it lies in', async () => {
    const pooled = Buffer.from('pooled')
    const chunks = [pooled, new Uint8Array([1]), new Uint8Array()]
    const body = new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })
    const { response } = wrapWitness(new Response(body))
    const read: unknown[] = []
    for await (const chunk of response.body ?? []) read.push(chunk)
    expect(read.map((chunk, index) => chunk === chunks[index])).toEqual([true, true, true])
    expect(pooled.toString()).toBe('pooled')
  })

  // What the polyfill of @whatwg-node/server does.
  it.each<[Outcome, unknown]>([
    ['closed', undefined],
    ['errored', 'broken'],
  ])(
    'knows that a body has %s although its stream is cancelled from there',
    async (outcome, reason) => {
      const source = newSource()
      class ReentrantStream extends ReadableStream<unknown> {
        constructor(underlying: UnderlyingDefaultSource, strategy?: QueuingStrategy) {
          const reenter = (controller: ReadableStreamDefaultController) =>
            new Proxy(controller, {
              get(target, key) {
                const value: unknown = Reflect.get(target, key)
                if (typeof value !== 'function') return value
                return (...args: unknown[]) => {
                  if (key !== 'enqueue')
                    void Promise.resolve(underlying.cancel?.('re-entered')).catch(() => {})
                  return Reflect.apply(value, target, args)
                }
              },
            })
          super(
            {
              start: (controller) => underlying.start?.(reenter(controller)),
              pull: (controller) => underlying.pull?.(reenter(controller)),
              cancel: (why) => underlying.cancel?.(why),
            },
            strategy,
          )
        }
      }
      vi.stubGlobal('ReadableStream', ReentrantStream)
      const { response, witness } = wrapWitness(source.response)
      const text = response.text()
      if (outcome === 'closed') source.close()
      else source.error(reason)
      await text.catch(() => {})
      await turn()
      expect(witness.contexts.map((context) => [context.outcome, context.reason])).toEqual([
        [outcome, reason],
      ])
    },
  )
})

describe('Tasks start in a later macrotask than the close', () => {
  const ends: [
    string,
    (source: ReturnType<typeof newSource>, reader: ReadableStreamDefaultReader) => unknown,
  ][] = [
    ['a close', (source) => source.close()],
    ['an error', (source) => source.error('broken')],
    ['a cancel', (_source, reader) => reader.cancel()],
  ]
  it.each(ends)('lets all that follows from %s run first', async (_, end) => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    const reader = readerOf(response)
    const reading = reader.read().catch(() => {})
    await turn()
    end(source, reader)
    await reading
    await microtasks()
    await new Promise((resolve) => process.nextTick(resolve))
    expect(witness.outcomes()).toEqual([])
    await turn()
    expect(witness.outcomes()).toHaveLength(1)
  })

  it('lets all that follows from the signal of the host run first', async () => {
    const { witness } = wrapWitness(new Response('body'), { completed: Promise.resolve() })
    await microtasks()
    expect(witness.outcomes()).toEqual([])
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('starts the tasks of one turn in the order their responses ended', async () => {
    const started: string[] = []
    const responses = ['first', 'second', 'third'].map((name) =>
      new BackgroundTask(() => started.push(name)).wrap(new Response(name)),
    )
    await Promise.all(responses.map((response) => response.text()))
    await turn()
    expect(started).toEqual(['first', 'second', 'third'])
  })
})

describe('A task runs exactly once, however the ends of its response race', () => {
  interface Scene {
    source: ReturnType<typeof newSource>
    reader: ReadableStreamDefaultReader<Uint8Array>
    leave: () => void
  }
  const ends: Record<string, (scene: Scene) => unknown> = {
    closed: ({ source, reader }) => {
      source.close()
      return reader.read()
    },
    errored: ({ source, reader }) => {
      source.error(new Error('broken'))
      return reader.read()
    },
    cancelled: ({ reader }) => reader.cancel('gone'),
    aborted: ({ leave }) => leave(),
    unread: () => vi.advanceTimersByTimeAsync(10_000),
  }
  const names = Object.keys(ends)
  const pairs = names.flatMap((first) => names.map((second) => [first, second] as const))

  async function play(first: string, second: string, between: () => unknown): Promise<Outcome[]> {
    const source = newSource()
    const { request, leave } = newRequest()
    const { response, witness } = wrapWitness(source.response, { request })
    const scene = { source, reader: readerOf(response), leave }
    // What the end means for the stream is for other tests: here it may throw or reject.
    const end = async (name: string): Promise<unknown> => ends[name]?.(scene)
    const ended = [end(first).catch(() => {})]
    await between()
    ended.push(end(second).catch(() => {}))
    await turn()
    await vi.advanceTimersByTimeAsync(20_000)
    await Promise.all(ended)
    await turn()
    return [...witness.outcomes()]
  }

  it.each(pairs)('%s, then %s: the first counts', async (first, second) => {
    const outcome = first === 'aborted' ? 'cancelled' : first
    expect(await play(first, second, turn)).toEqual([outcome])
  })

  it.each(pairs)('%s and %s at once', async (first, second) => {
    expect(await play(first, second, () => {})).toHaveLength(1)
  })

  it('ignores a signal of the host that comes twice', async () => {
    const witness = newWitness()
    let listener: Exchange | undefined
    const teller = () => ({ tell: (given: Exchange) => void (listener = given) })
    await handleOn({ teller }, (tasks) => {
      tasks.addTask(witness.task)
      return new Response('body')
    })
    listener?.end('closed')
    listener?.end('cancelled')
    await turn()
    listener?.end('cancelled')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('runs the tasks of a list once that has been wrapped around two responses', async () => {
    const witness = newWitness()
    const tasks = new BackgroundTasks([witness.task])
    const first = tasks.wrap(new Response('dropped'))
    const second = tasks.wrap(new Response('sent'))
    await first.text()
    await turn()
    expect(witness.outcomes()).toEqual([])
    await second.text()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('runs the tasks of a list once that has been wrapped around its own response', async () => {
    const { response, witness, tasks } = wrapWitness(new Response('body'))
    expect(await tasks.wrap(tasks.wrap(response)).text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  // The inner wrap no longer decides anything, and the other list waited for it for ever.
  it('runs both lists when one of them wraps inside and outside of the other', async () => {
    const [own, other] = [newWitness(), newWitness()]
    const handle = withBackgroundTasks((tasks) => {
      tasks.addTask(own.task)
      return other.task.wrap(tasks.wrap(new Response('body')))
    })
    await (await handle()).text()
    await turn()
    expect([own.outcomes(), other.outcomes()]).toEqual([['closed'], ['closed']])
  })

  // The failing wrap had taken the list from the response before.
  it('runs the tasks of a response although a later wrap has failed', async () => {
    const { response, witness, tasks } = wrapWitness(new Response('body'))
    const used = new Response('used')
    await used.text()
    expect(() => tasks.wrap(used)).toThrow('already read')
    await response.text()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('does not run a task again that its own run() or a list has run before', async () => {
    const witness = newWitness()
    const alone = witness.task.wrap(new Response('alone'))
    const listed = new BackgroundTasks([witness.task]).wrap(new Response('listed'))
    await witness.task.run()
    await Promise.all([alone.text(), listed.text()])
    await turn()
    await new BackgroundTasks([witness.task]).run()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('A response without a body comes back untouched, and its tasks start in the next macrotask', () => {
  const bodiless: [string, () => Response][] = [
    ['null', () => new Response(null, { headers: { 'x-key': 'value' } })],
    ['204', () => new Response(null, { status: 204 })],
    ['205', () => new Response(null, { status: 205 })],
    ['304', () => new Response(null, { status: 304 })],
    ['a redirect', () => Response.redirect(url)],
    ['Response.error()', () => Response.error()],
    ['an upgrade', () => Object.defineProperty(new Response(null), 'status', { value: 101 })],
  ]
  it.each(bodiless)('%s', async (_, create) => {
    const response = create()
    const wrapped = wrapWitness(response)
    expect(wrapped.response).toBe(response)
    await microtasks()
    expect(wrapped.witness.outcomes()).toEqual([])
    await turn()
    expect(wrapped.witness.outcomes()).toEqual(['closed'])
  })
})

describe('The response to a HEAD comes back untouched, and its tasks start once', () => {
  const { request } = newRequest({ method: 'HEAD' })
  const hosts: [string, (response: Response) => unknown][] = [
    ['reads', (response) => response.text()],
    ['cancels', (response) => response.body?.cancel()],
    ['ignores', () => {}],
  ]
  it.each(hosts)('from a host that %s its body', async (_, use) => {
    const response = new Response('body')
    const wrapped = wrapWitness(response, { request })
    expect(wrapped.response).toBe(response)
    await use(wrapped.response)
    await turn()
    expect(wrapped.witness.outcomes()).toEqual(['closed'])
  })

  it('looks at nothing of it', async () => {
    const seen: string[] = []
    class Response extends globalThis.Response {
      override get headers(): Headers {
        seen.push('headers')
        return super.headers
      }
      override get body(): globalThis.Response['body'] {
        seen.push('body')
        return super.body
      }
    }
    const { witness } = wrapWitness(new Response('body'), { request })
    await witness.task.finished
    expect(seen).toEqual([])
  })

  it('under withBackgroundTasks too', async () => {
    const response = new Response('body')
    const witness = newWitness()
    const handle = withBackgroundTasks((tasks, _request: Request) => {
      tasks.addTask(witness.task)
      return response
    })
    expect(await handle(request)).toBe(response)
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('at the signal of the host, if it has one', async () => {
    const completed = newGate()
    const { witness } = wrapWitness(new Response('body'), { request, completed: completed.opened })
    await turn()
    expect(witness.outcomes()).toEqual([])
    completed.open()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('A client that goes away cancels the source, and the tasks still run', () => {
  it('passes the reason of the reader to the source and to the tasks', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    await response.body?.cancel('gone')
    await turn()
    expect(source.cancels()).toEqual(['gone'])
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
  })

  it('cancels a source that is being waited for, and hands nothing on of it', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    const reader = readerOf(response)
    const reading = reader.read()
    await turn()
    await reader.cancel('gone')
    expect(await reading).toEqual({ done: true, value: undefined })
    await turn()
    expect(source.cancels()).toEqual(['gone'])
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  it('cancels a source from within its own pull', async () => {
    const reasons: unknown[] = []
    const body = new ReadableStream(
      {
        pull(controller) {
          void reader.cancel('gone')
          // Late: the stream is closed for the reader, not yet for its source.
          try {
            controller.enqueue(new Uint8Array(1))
          } catch {}
        },
        cancel(reason) {
          reasons.push(reason)
        },
      },
      { highWaterMark: 0 },
    )
    const { response, witness } = wrapWitness(new Response(body))
    const reader = readerOf(response)
    expect(await reader.read()).toEqual({ done: true, value: undefined })
    await turn()
    expect(reasons).toEqual(['gone'])
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  it('gives the failure of the cancelled source to the reader', async () => {
    const body = new ReadableStream({
      cancel() {
        throw new Error('cannot stop')
      },
    })
    const { response, witness } = wrapWitness(new Response(body))
    await expect(response.body?.cancel()).rejects.toThrow('cannot stop')
    await turn()
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  it('skips a task whose when does not name the outcome', async () => {
    const tasks = new BackgroundTasks()
    const task = tasks.addTask({ run: () => {}, when: ['closed'] })
    const witness = newWitness()
    tasks.addTask(witness.task)
    await tasks.wrap(new Response('body')).body?.cancel()
    expect(await task.finished).toMatchObject({ status: 'skipped', outcome: 'cancelled' })
    await turn()
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  it('counts an abort of the request when the host neither reads nor cancels', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const { witness } = wrapWitness(source.response, { request })
    await turn()
    expect(witness.outcomes()).toEqual([])
    leave('gone')
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
    expect(source.cancels()).toEqual(['gone'])
  })

  it('counts an abort that came before the response', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    leave('gone')
    const { witness } = wrapWitness(source.response, { request })
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
    expect(source.cancels()).toEqual(['gone'])
  })

  it('counts for a response without a body too', async () => {
    const { request, leave } = newRequest()
    leave('gone')
    const { witness } = wrapWitness(new Response(null, { status: 499 }), { request })
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
  })

  it('survives a source that cannot be cancelled', async () => {
    const { request, leave } = newRequest()
    const body = new ReadableStream({
      cancel() {
        throw new Error('cannot stop')
      },
    })
    const { witness } = wrapWitness(new Response(body), { request })
    leave()
    await turn()
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  it('gives the host that reads a quarter of a second to cancel by itself', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const { response, witness } = wrapWitness(source.response, { request })
    const reader = readerOf(response)
    const reading = reader.read()
    leave('gone')
    await turn()
    await vi.advanceTimersByTimeAsync(249)
    await turn()
    expect(witness.outcomes()).toEqual([])

    await Promise.all([reader.cancel('of the host'), reading])
    await vi.advanceTimersByTimeAsync(1)
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'of the host' }])
    expect(source.cancels()).toEqual(['of the host'])
  })

  it('cancels the source for a host that does not, and fails its reader', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const { response, witness } = wrapWitness(source.response, { request })
    const reader = readerOf(response)
    const first = reader.read()
    source.enqueue('first')
    await first
    const reading = reader.read()
    leave('gone')
    const failed = expect(reading).rejects.toBe('gone')
    await vi.advanceTimersByTimeAsync(250)
    await failed
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
    expect(source.cancels()).toEqual(['gone'])
  })

  // A body that is fetched with the signal of the request fails when the client leaves.
  it('counts a source that fails with the abort as cancelled', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const { response, witness } = wrapWitness(source.response, { request })
    const reading = expect(response.text()).rejects.toBe('gone')
    await turn()
    request.signal.addEventListener('abort', () => source.error(request.signal.reason))
    leave('gone')
    await reading
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
  })

  // The inner one gave up first, and the outer one took that for a source that fails.
  it('says the same to both of two wraps', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const [inner, outer] = [newWitness(), newWitness()]
    const response = outer.task.wrap(inner.task.wrap(source.response, { request }), { request })
    const failed = expect(response.text()).rejects.toBe('gone')
    await turn()
    leave('gone')
    await vi.advanceTimersByTimeAsync(250)
    await failed
    await turn()
    expect([inner.outcomes(), outer.outcomes()]).toEqual([['cancelled'], ['cancelled']])
    expect(source.cancels()).toEqual(['gone'])
  })

  it('gives the same time to a host that starts to read as the client goes', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const { response, witness } = wrapWitness(source.response, { request })
    leave()
    const text = response.text()
    await turn()
    expect(witness.outcomes()).toEqual([])
    source.enqueue('all')
    source.close()
    expect(await text).toBe('all')
    await vi.advanceTimersByTimeAsync(250)
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  // Deno's legacy default.
  it('counts a success that aborts the signal as closed', async () => {
    const source = newSource()
    const { request, leave } = newRequest()
    const { response, witness } = wrapWitness(source.response, { request })
    const text = response.text()
    source.enqueue('all')
    await turn()
    source.close()
    leave()
    expect(await text).toBe('all')
    await vi.advanceTimersByTimeAsync(250)
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
    expect(source.cancels()).toEqual([])
  })

  it('forgets the signal of a response that has ended', async () => {
    const { request, leave } = newRequest()
    const removed = vi.spyOn(request.signal, 'removeEventListener')
    const { response, witness } = wrapWitness(new Response('body'), { request })
    await response.text()
    expect(removed).toHaveBeenCalledWith('abort', expect.anything())
    leave()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('A source that fails gives its own error to the reader, and the tasks run', () => {
  it.each([
    ['an error', new Error('broken')],
    ['a frozen error', Object.freeze(new Error('broken'))],
    ['a string', 'broken'],
    ['undefined', undefined],
  ])('%s', async (_, error) => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    const reader = readerOf(response)
    const first = reader.read()
    source.enqueue('first')
    await first
    const second = reader.read()
    source.error(error)
    await expect(second).rejects.toBe(error)
    await turn()
    expect(witness.contexts.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['errored', error],
    ])
  })

  it('also before the first chunk', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    source.error('broken')
    await expect(response.text()).rejects.toBe('broken')
    await turn()
    expect(witness.outcomes()).toEqual(['errored'])
  })

  it('also from a pull that throws', async () => {
    const error = new Error('broken')
    const body = new ReadableStream({
      pull() {
        throw error
      },
    })
    const { response, witness } = wrapWitness(new Response(body))
    await expect(response.text()).rejects.toBe(error)
    await turn()
    expect(witness.outcomes()).toEqual(['errored'])
  })

  it('hands on all chunks before the error', async () => {
    const source = newSource()
    const { response } = wrapWitness(source.response)
    const reader = readerOf(response)
    const decoder = new TextDecoder()
    for (const part of ['one', 'two']) {
      const reading = reader.read()
      source.enqueue(part)
      expect(decoder.decode((await reading).value)).toBe(part)
    }
    source.error('broken')
    await expect(reader.read()).rejects.toBe('broken')
    await turn()
  })
})

describe('A body that nobody reads counts as unread', () => {
  it('after ten seconds', async () => {
    const { response, witness } = wrapWitness(new Response('body'))
    await vi.advanceTimersByTimeAsync(9_999)
    await turn()
    expect(witness.outcomes()).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await turn()
    expect(witness.outcomes()).toEqual(['unread'])
    expect(await response.text()).toBe('body')
  })

  it('after the time given', async () => {
    const { witness } = wrapWitness(new Response('body'), { unreadTimeout: 50 })
    await vi.advanceTimersByTimeAsync(49)
    await turn()
    expect(witness.outcomes()).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await turn()
    expect(witness.outcomes()).toEqual(['unread'])
  })

  it('for a handler too, after the time given', async () => {
    const witness = newWitness()
    const handle = withBackgroundTasks(
      (tasks) => {
        tasks.addTask(witness.task)
        return new Response('body')
      },
      { unreadTimeout: 50 },
    )
    await handle()
    await vi.advanceTimersByTimeAsync(50)
    await turn()
    expect(witness.outcomes()).toEqual(['unread'])
  })

  it('and a later read still gets its bytes, and runs nothing again', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    await vi.advanceTimersByTimeAsync(10_000)
    await turn()
    const text = response.text()
    source.enqueue('late')
    source.close()
    expect(await text).toBe('late')
    await turn()
    expect(witness.outcomes()).toEqual(['unread'])
  })

  it('and a later cancel still reaches its source', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    await vi.advanceTimersByTimeAsync(10_000)
    await response.body?.cancel('gone')
    await turn()
    expect(source.cancels()).toEqual(['gone'])
    expect(witness.outcomes()).toEqual(['unread'])
  })

  it('never when it has been touched', async () => {
    const source = newSource()
    const { response, witness } = wrapWitness(source.response)
    const text = response.text()
    await turn()
    await vi.advanceTimersByTimeAsync(100_000)
    await turn()
    expect(witness.outcomes()).toEqual([])
    source.close()
    await text
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('and that keeps no process alive', () => {
    const script = fileURLToPath(new URL('support/unread-script.ts', import.meta.url))
    const { status, stdout } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'wrapped\n' })
  })
})

/** A handler that adds one task for each outcome that has `thrown` or not, and then throws. */
function newThrower(thrown: unknown): {
  handle: () => Promise<never>
  usual: BackgroundTask
  afterThrow: ReturnType<typeof newWitness>
  cleanup: () => void
} {
  const usual = new BackgroundTask(() => expect.fail('The task ran'))
  const afterThrow = newWitness({ when: ['thrown'] })
  const cleanup = vi.fn<() => void>()
  const handle = withBackgroundTasks(async (tasks): Promise<never> => {
    tasks.defer(cleanup)
    tasks.addTask(usual)
    tasks.addTask(afterThrow.task)
    throw thrown
  })
  return { handle, usual, afterThrow, cleanup }
}

describe('A handler that throws', () => {
  it('a response: wraps it and throws it again', async () => {
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks): Promise<never> => {
      tasks.addTask(witness.task)
      throw new Response('moved', { status: 302, headers: { location: '/elsewhere' } })
    })
    const thrown: unknown = await handle().catch((error: unknown) => error)
    if (!(thrown instanceof Response)) throw new Error('It threw no response')
    expect([thrown.status, thrown.headers.get('location')]).toEqual([302, '/elsewhere'])
    await turn()
    expect(witness.outcomes()).toEqual([])
    expect(await thrown.text()).toBe('moved')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('a redirect: throws the same response again', async () => {
    const redirect = Response.redirect(url)
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks): Promise<never> => {
      tasks.addTask(witness.task)
      throw redirect
    })
    await expect(handle()).rejects.toBe(redirect)
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it.each([
    ['an error', new Error('bug')],
    ['a frozen error', Object.freeze(new Error('bug'))],
    ['a string', 'bug'],
    ['undefined', undefined],
  ])('%s: throws it unchanged, and runs only what asks for it', async (_, bug) => {
    const { handle, usual, afterThrow, cleanup } = newThrower(bug)
    await expect(handle()).rejects.toBe(bug)
    await turn()
    expect(await usual.finished).toMatchObject({ status: 'skipped', outcome: 'thrown' })
    expect(afterThrow.contexts.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['thrown', bug],
    ])
    expect(cleanup).toHaveBeenCalledOnce()
  })

  // The list of a response that could not be wrapped was never ended.
  it('a response that is read already: rejects, and runs what asks for a throw', async () => {
    const used = new Response('used')
    await used.text()
    const { handle, usual, afterThrow, cleanup } = newThrower(used)
    await expect(handle()).rejects.toThrow(TypeError)
    await turn()
    expect(await usual.finished).toMatchObject({ status: 'skipped', outcome: 'thrown' })
    expect(afterThrow.outcomes()).toEqual(['thrown'])
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('before it returns a promise: throws at once', async () => {
    const witness = newWitness()
    const handle = withBackgroundTasks((tasks): never => {
      tasks.addTask(witness.task)
      throw new Error('bug')
    })
    expect(handle).toThrow('bug')
    await turn()
    expect(witness.outcomes()).toEqual(['thrown'])
  })

  it('below a provider: its tasks count as thrown though the request is answered', async () => {
    const bug = new Error('bug')
    const { handle, usual, afterThrow, cleanup } = newThrower(bug)
    const outer = newWitness()
    const fetch = provideBackgroundTasks(async () => {
      backgroundTasks().addTask(outer.task)
      await handle().catch(() => {})
      return new Response('sorry', { status: 500 })
    })
    const response = await fetch()
    await turn()
    expect(afterThrow.outcomes()).toEqual([])
    await response.text()
    await turn()
    expect(await usual.finished).toMatchObject({ status: 'skipped', outcome: 'thrown' })
    // The reason was that of the response: none.
    expect(afterThrow.contexts).toMatchObject([{ outcome: 'thrown', reason: bug }])
    expect(cleanup).toHaveBeenCalledOnce()
    expect(outer.outcomes()).toEqual(['closed'])
  })
})

describe('The response is the one that was wrapped', () => {
  it('in status, status text, headers, cookies and bytes', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
    const headers = new Headers({ 'x-key': 'value', 'content-length': '100000' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    const init = { status: 418, statusText: "I'm a teapot", headers }
    const { response } = wrapWitness(new Response(bytes, init))
    expect([response.status, response.statusText]).toEqual([418, "I'm a teapot"])
    expect([...response.headers]).toEqual([
      ['content-length', '100000'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['x-key', 'value'],
    ])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    await turn()
  })

  it('with the content type that its body implies', async () => {
    const { response } = wrapWitness(Response.json({ ok: true }))
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({ ok: true })
    const form = new FormData()
    form.set('key', 'value')
    const wrapped = wrapWitness(new Response(form))
    expect((await wrapped.response.formData()).get('key')).toBe('value')
    await turn()
  })

  it('and can be cloned', async () => {
    const { response, witness } = wrapWitness(new Response('body'))
    const clone = response.clone()
    expect(await clone.text()).toBe('body')
    expect(await response.text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('without a status text when it had none', async () => {
    const inits: (ResponseInit | undefined)[] = []
    const plain = new Response('body')
    const worded = new Response('body', { statusText: 'Fine' })
    class ObservedResponse extends Response {
      constructor(body?: BodyInit | null, init?: ResponseInit) {
        super(body, init)
        inits.push(init)
      }
    }
    vi.stubGlobal('Response', ObservedResponse)
    const witness = newWitness()
    await witness.task.wrap(plain).text()
    await newWitness().task.wrap(worded).text()
    expect(inits.map((init = {}) => 'statusText' in init && init.statusText)).toEqual([
      false,
      'Fine',
    ])
  })

  // The light responses of some hosts lose an implied content type otherwise.
  it('whose headers are looked at before its body', async () => {
    const seen: string[] = []
    class LightResponse extends Response {
      override get headers(): Headers {
        seen.push('headers')
        return super.headers
      }
      override get body(): Response['body'] {
        seen.push('body')
        return super.body
      }
    }
    await newWitness().task.wrap(new LightResponse('body')).text()
    expect(seen.indexOf('headers')).toBeLessThan(seen.indexOf('body'))
    expect(seen).toContain('body')
  })

  it('but for what described the bytes that fetch has decoded', async () => {
    const zipped = gzipSync('decoded')
    const server = createServer((_request, response) => {
      response.writeHead(200, {
        'content-encoding': 'gzip',
        'content-length': zipped.length,
        'x-key': 'value',
      })
      response.end(zipped)
    })
    const fetched = await fetch(await listen(server))
    const { response } = wrapWitness(fetched)
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(response.headers.get('content-length')).toBeNull()
    expect(response.headers.get('x-key')).toBe('value')
    expect(await response.text()).toBe('decoded')
    // The response of the caller is left as it was.
    expect(fetched.headers.get('content-encoding')).toBe('gzip')
    await turn()
  })

  it('with its length when it was fetched as it is', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 5 })
      response.end('plain')
    })
    const { response } = wrapWitness(await fetch(await listen(server)))
    expect(response.headers.get('content-length')).toBe('5')
    expect(await response.text()).toBe('plain')
    await turn()
  })

  it('with the encoding that its handler has applied', async () => {
    const headers = { 'content-encoding': 'gzip', 'content-length': '3' }
    const { response } = wrapWitness(new Response('abc', { headers }))
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(response.headers.get('content-length')).toBe('3')
    await response.text()
    await turn()
  })

  it.each<[string, (response: Response) => unknown]>([
    ['read', (response) => response.text()],
    ['locked', (response) => response.body?.getReader()],
    ['cancelled', (response) => response.body?.cancel()],
  ])('and must not be %s: that fails before anything else', async (_, use) => {
    const response = new Response('body')
    await use(response)
    const witness = newWitness()
    const tasks = new BackgroundTasks([witness.task])
    const waitUntil = vi.fn<(promise: Promise<unknown>) => void>()
    expect(() => tasks.wrap(response, { waitUntil })).toThrow(
      new TypeError(
        'Cannot wrap the response: its body is already read, wrap it before reading it',
      ),
    )
    // The host would have waited for a list that nothing starts.
    expect(waitUntil).not.toHaveBeenCalled()
    await turn()
    expect(witness.outcomes()).toEqual([])
    expect(tasks.addTask(() => {}).status).toBe('pending')
    await drain()
    // The list is as good as new.
    await tasks.wrap(new Response('another')).text()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('and a handler that returns a response read already rejects', async () => {
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks) => {
      tasks.addTask(witness.task)
      const response = new Response('body')
      await response.text()
      return response
    })
    await expect(handle()).rejects.toThrow('Cannot wrap the response: its body is already read')
    await turn()
    expect(witness.outcomes()).toEqual(['thrown'])
  })
})

describe('The body keeps its backpressure, and no task touches it', () => {
  it('pulls the source once for each pull of the reader', async () => {
    const source = newSource()
    const { response } = wrapWitness(source.response)
    const reader = readerOf(response)
    for (let reads = 1; reads <= 5; reads += 1) {
      const reading = reader.read()
      await turn()
      expect(source.pulls()).toBe(reads)
      source.enqueue('chunk')
      await reading
      await turn()
      expect(source.pulls()).toBe(reads)
    }
    source.close()
    await reader.read()
    await turn()
  })

  it('is read to its end although a task has failed before', async () => {
    const source = newSource()
    const tasks = new BackgroundTasks([], quiet)
    const task = tasks.addTask(() => {
      throw new Error('bug')
    })
    const response = tasks.wrap(source.response)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await task.finished).toMatchObject({ status: 'rejected', outcome: 'unread' })
    const text = response.text()
    source.enqueue('all')
    source.close()
    expect(await text).toBe('all')
  })

  it('is read to its end although the inner task fails while the outer response is sent', async () => {
    const tasks = new BackgroundTasks([], quiet)
    tasks.addTask(() => {
      throw new Error('bug')
    })
    const inner = tasks.wrap(new Response('inner'))
    const text = await inner.text()
    const { response, witness } = wrapWitness(new Response(bodyOf([text, ' and', ' outer'])))
    await tasks.finished
    expect(await response.text()).toBe('inner and outer')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

/** Whether the promise has settled when the next turn has passed. */
async function isSettled(promise: unknown): Promise<boolean> {
  return await Promise.race([Promise.resolve(promise).then(() => true), turn().then(() => false)])
}

describe('waitUntil is called once, before the response is returned', () => {
  it.each<[string, (() => Response) | undefined, WrapOptions?]>([
    ['a body', () => new Response('body')],
    ['no body', () => new Response(null)],
    ['a HEAD', () => new Response('body'), { request: new Request(url, { method: 'HEAD' }) }],
    ['a signal of the host', () => new Response('body'), { completed: Promise.resolve() }],
  ])('by wrap, with a promise for the end of all tasks: %s', async (_, create, options) => {
    const gate = newGate()
    const tasks = new BackgroundTasks([], quiet)
    tasks.addTask(() => gate.opened)
    tasks.addTask(() => {
      throw new Error('bug')
    })
    const held: unknown[] = []
    const waitUntil = (promise: unknown): unknown => held.push(promise)
    const response = tasks.wrap(create?.() ?? Response.error(), { ...options, waitUntil })
    expect(held).toHaveLength(1)
    await response.text()
    expect(await isSettled(held[0])).toBe(false)
    gate.open()
    await held[0]
    expect(tasks.tasks.map((task) => 'status' in task && task.status)).toEqual([
      'fulfilled',
      'rejected',
    ])
    expect(held).toHaveLength(1)
  })

  it('by the wrap of a task', async () => {
    const task = new BackgroundTask(() => {})
    const held: unknown[] = []
    await task.wrap(new Response('body'), { waitUntil: (promise) => held.push(promise) }).text()
    expect(held).toHaveLength(1)
    await expect(held[0]).resolves.toMatchObject({ status: 'fulfilled' })
  })

  it('by withBackgroundTasks, before the handler is called', async () => {
    const calls: string[] = []
    const held: unknown[] = []
    const handle = withBackgroundTasks(
      (tasks) => {
        calls.push('handler')
        tasks.addTask(() => calls.push('task'))
        return new Response('body')
      },
      {
        waitUntil(promise) {
          calls.push('waitUntil')
          held.push(promise)
        },
      },
    )
    const response = await handle()
    expect(await isSettled(held[0])).toBe(false)
    await response.text()
    await held[0]
    expect(calls).toEqual(['waitUntil', 'handler', 'task'])
  })

  it.each<[string, () => unknown]>([
    ['throws', () => Promise.reject(new Error('bug'))],
    ['returns no response', () => 'text'],
  ])(
    'by withBackgroundTasks with a promise that settles when the handler %s',
    async (_, answer) => {
      const held: unknown[] = []
      const handle = withBackgroundTasks(async () => await answer(), {
        waitUntil: (promise) => held.push(promise),
      })
      await handle().catch(() => {})
      await held[0]
      expect(held).toHaveLength(1)
    },
  )

  it('by a wrap below a provider too', async () => {
    const held: unknown[] = []
    const waitUntil = (promise: unknown): unknown => held.push(promise)
    const other = new BackgroundTasks()
    const fetch = provideBackgroundTasks(() => {
      const response = new Response('body')
      backgroundTasks().wrap(response, { waitUntil })
      return other.wrap(response, { waitUntil })
    })
    const response = await fetch()
    // The list of the request was returned from without it.
    expect(held).toHaveLength(2)
    await response.text()
    await Promise.all(held)
  })
})

describe('With a signal of the host the body is left alone', () => {
  it('and the tasks start when the signal comes', async () => {
    const completed = newGate()
    const response = new Response('body')
    const wrapped = wrapWitness(response, { completed: completed.opened })
    expect(wrapped.response).toBe(response)
    expect(await wrapped.response.text()).toBe('body')
    await turn()
    expect(wrapped.witness.outcomes()).toEqual([])
    completed.open()
    await turn()
    expect(wrapped.witness.outcomes()).toEqual(['closed'])
  })

  it('and a signal that rejects counts as cancelled', async () => {
    const completed = Promise.reject(new Error('cut'))
    const { witness } = wrapWitness(new Response('body'), { completed })
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: { message: 'cut' } }])
  })

  it('and neither an abort nor the unread timeout ends it', async () => {
    const completed = newGate()
    const { request, leave } = newRequest()
    const { witness } = wrapWitness(new Response('body'), { completed: completed.opened, request })
    leave()
    await vi.advanceTimersByTimeAsync(100_000)
    await turn()
    expect(witness.outcomes()).toEqual([])
    completed.open()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('under a handler too, whatever it answers', async () => {
    for (const answer of [new Response('body'), new Response(null), 'no response']) {
      const witness = newWitness()
      const signal = newGate<Outcome>()
      const tell = (listener: Exchange) =>
        void signal.opened.then((outcome) => listener.end(outcome))
      const teller = (response: unknown) => {
        expect(response).toBe(answer)
        return { tell }
      }
      const handler = (tasks: BackgroundTasks) => {
        tasks.addTask(witness.task)
        return answer
      }
      expect(await handleOn({ teller }, handler)).toBe(answer)
      await turn()
      expect(witness.outcomes()).toEqual([])
      signal.open('cancelled')
      await turn()
      expect(witness.outcomes()).toEqual(['cancelled'])
    }
  })

  it('unless the host has none for this response', async () => {
    const witness = newWitness()
    const response = new Response('body')
    const sent = await handleOn({ teller: () => undefined }, (tasks) => {
      tasks.addTask(witness.task)
      return response
    })
    expect(sent).not.toBe(response)
    await sent.text()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('Tasks run in the order added, and none is lost', () => {
  it('sync and async ones mixed', async () => {
    const calls: string[] = []
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.addTask(() => calls.push('sync 1'))
    tasks.addTask(async () => {
      calls.push('async 2 starts')
      await gate.opened
      calls.push('async 2 ends')
    })
    tasks.addTask(() => calls.push('sync 3'))
    tasks.addTask(() => newThenable((resolve) => resolve(calls.push('thenable 4'))))
    tasks.addTask(async () => calls.push('async 5'))
    await tasks.wrap(new Response('body')).text()
    await turn()
    expect(calls).toEqual(['sync 1', 'async 2 starts'])
    gate.open()
    await tasks.finished
    expect(calls.slice(2)).toEqual(['async 2 ends', 'sync 3', 'thenable 4', 'async 5'])
  })

  it('also one that is added while the response is on its way', async () => {
    const { response, tasks } = wrapWitness(new Response('body'))
    const late = newWitness()
    tasks.addTask(late.task)
    await response.text()
    tasks.addTask(late.task)
    await turn()
    expect(late.outcomes()).toEqual(['closed'])
  })

  it('also one that is added to an empty list on its way: drain waits for it', async () => {
    const tasks = new BackgroundTasks()
    const response = tasks.wrap(new Response('body'))
    await drain()
    const late = newWitness()
    tasks.addTask(late.task)
    const drained = drain()
    await response.text()
    expect(await drained).toEqual({ finished: 1, abandoned: [] })
    expect(late.outcomes()).toEqual(['closed'])
  })

  it.each([
    ['sync', (add: () => void) => add()],
    ['async', async (add: () => void) => (await turn(), add())],
  ])('one that a running task adds runs at the end: %s', async (_, add) => {
    const calls: string[] = []
    const tasks = new BackgroundTasks()
    tasks.addTask(() => {
      calls.push('first')
      return add(() => tasks.addTask(() => calls.push('added')))
    })
    tasks.addTask(() => calls.push('second'))
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toHaveLength(3)
    expect(calls).toEqual(['first', 'second', 'added'])
  })

  it('one that the last task adds runs too', async () => {
    const added = newWitness()
    const tasks = new BackgroundTasks()
    tasks.addTask(() => void tasks.addTask(added.task))
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toHaveLength(2)
    expect(added.outcomes()).toEqual(['closed'])
  })

  it('one that is added after the end runs at once, with the outcome and the reason', async () => {
    const { response, tasks } = wrapWitness(new Response('body'))
    await response.body?.cancel('gone')
    await tasks.finished
    const late = newWitness()
    tasks.addTask(late.task)
    await turn()
    expect(late.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
    expect(await tasks.finished).toHaveLength(2)
  })

  it('several that are added after the end run in order', async () => {
    const calls: number[] = []
    const tasks = new BackgroundTasks()
    await tasks.run()
    for (const number of [1, 2, 3]) tasks.addTask(async () => calls.push(number))
    await tasks.finished
    expect(calls).toEqual([1, 2, 3])
  })

  it('one that is added after a failure has ended the list runs', async () => {
    const tasks = new BackgroundTasks([], quiet)
    tasks.addTask(() => {
      throw new Error('bug')
    })
    await tasks.run().catch(() => {})
    const late = newWitness()
    tasks.addTask(late.task)
    await turn()
    expect(late.outcomes()).toEqual(['closed'])
  })

  it('one that is added while a list stops is skipped, and says why', async () => {
    const error = new Error('bug')
    const tasks = new BackgroundTasks([], { ...quiet, concurrency: 2 })
    let late: BackgroundTask | undefined
    tasks.addTask(async () => {
      await turn()
      late = tasks.addTask(() => expect.fail('It ran'))
    })
    tasks.addTask(() => {
      throw error
    })
    await tasks.wrap(new Response(null)).text()
    await tasks.finished
    expect(await late?.finished).toMatchObject({ status: 'skipped', error })
  })

  it('a cleanup that is deferred while the list runs, or after its end, runs', async () => {
    const calls: string[] = []
    const tasks = new BackgroundTasks()
    tasks.defer(() => {
      calls.push('first cleanup')
      tasks.addTask(() => calls.push('task of a cleanup'))
      tasks.defer(() => calls.push('cleanup of a cleanup'))
    })
    tasks.addTask(() => {
      calls.push('task')
      tasks.defer(() => calls.push('cleanup of a task'))
    })
    await tasks.wrap(new Response(null)).text()
    await tasks.finished
    expect(calls).toEqual([
      'task',
      'cleanup of a task',
      'first cleanup',
      'task of a cleanup',
      'cleanup of a cleanup',
    ])
    tasks.defer(() => calls.push('after the end'))
    await turn()
    expect(calls.at(-1)).toBe('after the end')
  })
})

describe('A failure is reported exactly once, and harms nothing else', () => {
  const failures: [string, unknown][] = [
    ['an error', new Error('bug')],
    ['a frozen error', Object.freeze(new Error('bug'))],
    ['a string', 'bug'],
    ['null', null],
    ['undefined', undefined],
    // Each of these made the report itself throw.
    [
      'an error whose message throws',
      Object.defineProperty(new Error('bug'), 'message', {
        get() {
          throw new Error('no message')
        },
      }),
    ],
    [
      'an error whose message is a symbol',
      Object.assign(new Error('bug'), { message: Symbol('s') }),
    ],
    [
      'a proxy that has no prototype to look at',
      new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error('no prototype')
          },
        },
      ),
    ],
  ]
  const ways: [string, (thrown: unknown) => unknown][] = [
    [
      'throws',
      (thrown) => {
        throw thrown
      },
    ],
    ['rejects with', (thrown) => Promise.reject(thrown)],
  ]
  const cases = ways.flatMap(([verb, fail]) =>
    failures.map(([kind, thrown]) => ({ name: `${verb} ${kind}`, fail, thrown })),
  )
  it.each(cases)(
    'to onError, with the original as cause: a task $name',
    async ({ fail, thrown }) => {
      const errors: BackgroundTaskError[] = []
      const tasks = new BackgroundTasks([], { onError: (error) => void errors.push(error) })
      const task = tasks.addTask(function failing() {
        return fail(thrown)
      })
      const next = tasks.addTask(function next() {})
      expect(await tasks.wrap(new Response('body')).text()).toBe('body')
      await tasks.finished
      expect(errors).toHaveLength(1)
      expect(errors[0]).toBeInstanceOf(BackgroundTaskError)
      expect(errors[0]?.cause === thrown).toBe(true)
      expect([errors[0]?.task, errors[0]?.skipped]).toEqual(['failing', ['next']])
      const { error } = await task.finished
      expect(error === thrown).toBe(true)
      expect(next.status).toBe('skipped')
    },
  )

  it('to console.error when there is no onError', async () => {
    const tasks = new BackgroundTasks()
    const alone = new BackgroundTask(function alone() {
      throw new Error('bug')
    })
    tasks.addTask(async function listed() {
      throw new Error('bug')
    })
    await tasks.wrap(new Response('body')).text()
    await alone.wrap(new Response('body')).text()
    await tasks.finished
    await turn()
    const printed = takePrinted().map(
      ([error]) => error instanceof BackgroundTaskError && error.task,
    )
    expect(new Set(printed)).toEqual(new Set(['alone', 'listed']))
    expect(printed).toHaveLength(2)
  })

  it("skips the tasks after it, and names them, under 'stop'", async () => {
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], { onError: (error) => void errors.push(error) })
    const first = tasks.addTask(function first() {})
    const failing = tasks.addTask(function failing() {
      throw new Error('bug')
    })
    const rest = new BackgroundTasks()
    rest.addTask(function third() {})
    rest.addTask({ name: 'fourth', run: () => {} })
    const nested = tasks.addTask(rest)
    const last = tasks.addTask(() => {})
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    expect([first, failing, last].map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'skipped',
    ])
    expect(await nested.finished).toMatchObject([{ status: 'skipped' }, { status: 'skipped' }])
    expect(errors.map(({ skipped }) => skipped)).toEqual([['third', 'fourth', 'anonymous']])
  })

  it("runs the tasks after it under 'continue', and reports each failure", async () => {
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], {
      failure: 'continue',
      onError: (error) => void errors.push(error),
    })
    for (const name of ['a', 'b', 'c']) {
      tasks.addTask({
        name,
        run() {
          if (name !== 'b') throw new Error(name)
        },
      })
    }
    await tasks.wrap(new Response('body')).text()
    const results = await tasks.finished
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
    expect(errors.map(({ task, skipped }) => [task, skipped])).toEqual([
      ['a', []],
      ['c', []],
    ])
  })

  it.each<[string, (error: Error) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('of onError')
      },
    ],
    ['rejects', () => Promise.reject(new Error('of onError'))],
    [
      'returns a thenable that throws',
      () =>
        newThenable(() => {
          throw new Error('of onError')
        }),
    ],
  ])('and an onError that %s is printed', async (_, onError) => {
    const tasks = new BackgroundTasks([], { onError, failure: 'continue' })
    tasks.addTask(function failing() {
      throw new Error('bug')
    })
    const next = tasks.addTask(() => {})
    await tasks.wrap(new Response('body')).text()
    await next.finished
    await turn()
    expect(next.status).toBe('fulfilled')
    expect(takePrinted()).toMatchObject([[{ task: 'failing' }, { message: 'of onError' }]])
  })

  it('once when the task is in several lists, and wrapped itself', async () => {
    const errors: unknown[] = []
    const task = new BackgroundTask(async () => {
      await turn()
      throw new Error('bug')
    })
    const newList = (): BackgroundTasks =>
      new BackgroundTasks([task], { onError: (error) => void errors.push(error) })
    const lists = [newList(), newList()]
    await Promise.all(lists.map((list) => list.wrap(new Response('body')).text()))
    const response = task.wrap(new Response('body'))
    await Promise.all(lists.map((list) => list.finished))
    await response.text()
    await turn()
    expect(errors).toHaveLength(1)
    expect(takePrinted()).toEqual([])
  })

  // It was printed by its run() and again at the end of its response.
  it('once when the task is run by hand before its response ends', async () => {
    const task = new BackgroundTask(() => {
      throw new Error('bug')
    })
    const response = task.wrap(new Response('body'))
    await task.run().catch(() => {})
    await response.text()
    await turn()
    expect(takePrinted()).toHaveLength(1)
  })

  it('and a cleanup that fails is reported, and the others run', async () => {
    const errors: BackgroundTaskError[] = []
    const cleanup = vi.fn<() => void>()
    const tasks = new BackgroundTasks([], { onError: (error) => void errors.push(error) })
    tasks.defer(cleanup)
    tasks.defer(function closeFile() {
      throw new Error('sync')
    })
    tasks.defer(async function closeSession() {
      throw new Error('async')
    })
    tasks.addTask(function failing() {
      throw new Error('task')
    })
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toHaveLength(1)
    expect(errors.map(({ task, message }) => [task, message])).toEqual([
      ['failing', 'Task failing failed: task'],
      ['closeSession', 'Task closeSession failed: async'],
      ['closeFile', 'Task closeFile failed: sync'],
    ])
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('and ends no process, whatever fails', () => {
    const script = fileURLToPath(new URL('support/failing-script.ts', import.meta.url))
    const { status, stdout } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'all ended\n' })
  })
})

/** A list of tasks that note their names. */
function newNotes(): { calls: string[]; task: (name: string) => BackgroundTask } {
  const calls: string[] = []
  return {
    calls,
    task: (name) => new BackgroundTask({ name, run: async () => calls.push(name) }),
  }
}

describe('Lists run in place, depth first, and what is added twice runs once', () => {
  it('a list in a list in a list', async () => {
    const { calls, task } = newNotes()
    const deepest = new BackgroundTasks([task('3'), task('4')])
    const deep = new BackgroundTasks([task('2'), deepest, task('5')])
    const tasks = new BackgroundTasks([task('1'), deep, task('6')])
    await tasks.wrap(new Response('body')).text()
    const results = await tasks.finished
    expect(calls).toEqual(['1', '2', '3', '4', '5', '6'])
    expect(results.map(({ name }) => name)).toEqual(calls)
  })

  it('the same task or list twice', async () => {
    const { calls, task } = newNotes()
    const [twice, other] = [task('twice'), task('other')]
    const list = new BackgroundTasks([twice, other, twice])
    const tasks = new BackgroundTasks([twice, list, list, twice])
    await tasks.wrap(new Response('body')).text()
    const results = await tasks.finished
    expect(calls).toEqual(['twice', 'other'])
    expect(results.map(({ name }) => name)).toEqual(['twice', 'other'])
  })

  it('a list in two lists whose responses end at once', async () => {
    const { calls, task } = newNotes()
    const shared = new BackgroundTasks([task('1'), task('2')])
    const lists = [
      new BackgroundTasks([shared, task('a')]),
      new BackgroundTasks([shared, task('b')]),
    ]
    await Promise.all(lists.map((list) => list.wrap(new Response('body')).text()))
    const results = await Promise.all(lists.map((list) => list.finished))
    expect(calls.slice(0, 2)).toEqual(['1', '2'])
    expect(new Set(calls.slice(2))).toEqual(new Set(['a', 'b']))
    expect(calls).toHaveLength(4)
    expect(results.map((ended) => ended.map(({ name }) => name))).toEqual([
      ['1', '2', 'a'],
      ['1', '2', 'b'],
    ])
  })

  it('the cleanups of a nested list run before what follows it', async () => {
    const { calls, task } = newNotes()
    const nested = new BackgroundTasks([task('nested')])
    nested.defer(() => calls.push('cleanup'))
    const tasks = new BackgroundTasks([nested, task('after')])
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    expect(calls).toEqual(['nested', 'cleanup', 'after'])
  })

  it('two wraps of one response: the list of the inner one first, to its end', async () => {
    const { calls, task } = newNotes()
    const gate = newGate()
    const inner = new BackgroundTasks([task('inner 1')])
    inner.addTask(() => gate.opened)
    inner.addTask(task('inner 2'))
    const outer = new BackgroundTasks([task('outer')])
    const outermost = new BackgroundTasks([task('outermost')])
    const response = outermost.wrap(outer.wrap(inner.wrap(new Response('body'))))
    expect(await response.text()).toBe('body')
    await turn()
    expect(calls).toEqual(['inner 1'])
    gate.open()
    await outermost.finished
    expect(calls).toEqual(['inner 1', 'inner 2', 'outer', 'outermost'])
  })

  it.each<[string, () => Response, WrapOptions?]>([
    ['no body', () => new Response(null)],
    ['a HEAD', () => new Response('body'), { request: new Request(url, { method: 'HEAD' }) }],
    ['a signal of the host', () => new Response('body'), { completed: Promise.resolve() }],
  ])('two wraps of one response with %s', async (_, create, options) => {
    const { calls, task } = newNotes()
    const outer = task('outer')
    outer.wrap(task('inner').wrap(create(), options), options)
    await outer.finished
    expect(calls).toEqual(['inner', 'outer'])
  })

  it.each<[string, () => Response, WrapOptions?]>([
    ['no body', () => new Response(null, { status: 204 })],
    ['a HEAD', () => new Response('body'), { request: new Request(url, { method: 'HEAD' }) }],
  ])('two lists in order and side by side, with %s', async (_, create, options) => {
    const gate = newGate()
    const { calls, task } = newNotes()
    const inner = new BackgroundTasks([task('inner')])
    const held = inner.addTask(() => gate.opened)
    const outer = task('outer')
    outer.wrap(inner.wrap(create(), options), options)
    await outer.finished
    expect(calls).toEqual(['inner', 'outer'])
    expect(held.status).toBe('running')
    gate.open()
    await inner.finished
  })

  const fromHost = { completed: Promise.resolve() }
  // The outer one did not know of the inner one where the host told the end.
  it.each<[string, WrapOptions, WrapOptions]>([
    ['both hear from the host', fromHost, fromHost],
    ['the inner one alone hears from the host', fromHost, {}],
  ])('the inner list to its end before the outer one, where %s', async (_, inside, outside) => {
    const gate = newGate()
    const inner = new BackgroundTasks([new BackgroundTask(() => gate.opened)])
    const outer = newWitness()
    const sent = outer.task.wrap(inner.wrap(new Response('body'), inside), outside)
    expect(await sent.text()).toBe('body')
    await turn()
    expect(outer.outcomes()).toEqual([])
    gate.open()
    await turn()
    expect(outer.outcomes()).toEqual(['closed'])
  })

  it('the inner list of a host that has its own signal at that, whatever the body says', async () => {
    const completed = newGate()
    const [inner, outer] = [newWitness(), newWitness()]
    const wrapped = inner.task.wrap(new Response('body'), { completed: completed.opened })
    await outer.task.wrap(wrapped).text()
    await turn()
    expect([inner.outcomes(), outer.outcomes()]).toEqual([[], []])
    completed.open()
    await turn()
    expect([inner.outcomes(), outer.outcomes()]).toEqual([['closed'], ['closed']])
  })

  // A constant without a body: the tasks of one request waited for those of another.
  it('the lists of two requests that share a response without a body, side by side', async () => {
    const shared = new Response(null, { status: 204 })
    const gates = [newGate(), newGate()]
    const started: number[] = []
    const handle = withBackgroundTasks((tasks, _request: Request, index: number) => {
      tasks.addTask(async () => {
        started.push(index)
        await gates[index]?.opened
      })
      return shared
    })
    await Promise.all([handle(new Request(url), 0), handle(new Request(url), 1)])
    await turn()
    expect(started).toEqual([0, 1])
    for (const gate of gates) gate.open()
    await drain()
  })

  it('two wraps of which the outer one alone hears of the end', async () => {
    const { calls, task } = newNotes()
    const completed = newGate()
    const outer = task('outer')
    outer.wrap(task('inner').wrap(new Response('body')), { completed: completed.opened })
    await turn()
    expect(calls).toEqual([])
    completed.open()
    await outer.finished
    expect(calls).toEqual(['inner', 'outer'])
  })

  it('the middleware and the handler under withBackgroundTasks', async () => {
    const { calls, task } = newNotes()
    const handle = withBackgroundTasks((tasks) => {
      tasks.addTask(task('handler'))
      return new Response('body')
    })
    const middleware = withBackgroundTasks((tasks) => {
      tasks.addTask(task('middleware'))
      return handle()
    })
    expect(await (await middleware()).text()).toBe('body')
    await drain()
    expect(calls).toEqual(['handler', 'middleware'])
  })
})

/** Tasks that run until they are told to end. */
function newGated(count: number): {
  definitions: { name: string; run: () => Promise<void> }[]
  started: string[]
  end: (index: number) => Promise<void>
} {
  const started: string[] = []
  const gates = Array.from({ length: count }, () => newGate())
  return {
    definitions: gates.map((gate, index) => ({
      name: String(index),
      run: async () => {
        started.push(String(index))
        await gate.opened
      },
    })),
    started,
    async end(index) {
      gates[index]?.open()
      await microtasks()
    },
  }
}

describe('concurrency bounds the tasks that run at a time', () => {
  it.each([
    [undefined, 1],
    [1, 1],
    [2, 2],
    [3, 3],
    [Infinity, 5],
  ])('concurrency %s: %s at first, and one more for each that ends', async (concurrency, first) => {
    const { definitions, started, end } = newGated(5)
    const tasks = new BackgroundTasks([], concurrency === undefined ? {} : { concurrency })
    for (const definition of definitions) tasks.addTask(definition)
    const running = tasks.run()
    for (let ended = 0; ended < 5; ended += 1) {
      expect(started).toHaveLength(Math.min(5, first + ended))
      await end(ended)
    }
    await running
    expect(started).toEqual(['0', '1', '2', '3', '4'])
  })

  it("starts none after a failure under 'stop', and lets the running ones end", async () => {
    const { definitions, started, end } = newGated(4)
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], {
      concurrency: 2,
      onError: (error) => void errors.push(error),
    })
    const gate = newGate()
    tasks.addTask(async function failing() {
      await gate.opened
      throw new Error('bug')
    })
    const [running, ...rest] = definitions.map((definition) => tasks.addTask(definition))
    const ended = tasks.run().catch(() => {})
    gate.open()
    await turn()
    expect(started).toEqual(['0'])
    expect(running?.status).toBe('running')
    expect(rest.map(({ status }) => status)).toEqual(['skipped', 'skipped', 'skipped'])
    expect(errors.map(({ skipped }) => skipped)).toEqual([['1', '2', '3']])
    await end(0)
    await ended
    expect(running?.status).toBe('fulfilled')
    expect(started).toEqual(['0'])
  })

  it('runs a task that is added to a list with room at once', async () => {
    const { definitions, started, end } = newGated(2)
    const tasks = new BackgroundTasks([], { concurrency: 2 })
    const [first, second] = definitions
    if (first === undefined || second === undefined) throw new Error('no tasks')
    tasks.addTask(first)
    const running = tasks.run()
    tasks.addTask(second)
    await microtasks()
    expect(started).toEqual(['0', '1'])
    await end(0)
    await end(1)
    await running
  })

  it('starts the cleanups one at a time, when no task runs any more', async () => {
    const { definitions, started, end } = newGated(4)
    const tasks = new BackgroundTasks([], { concurrency: 2 })
    const [first, second, ...cleanups] = definitions
    if (first === undefined || second === undefined) throw new Error('no tasks')
    tasks.addTask(first)
    tasks.addTask(second)
    for (const { run } of cleanups) tasks.defer(run)
    const running = tasks.run()
    await end(1)
    expect(started).toEqual(['0', '1'])
    await end(0)
    expect(started).toEqual(['0', '1', '3'])
    await end(3)
    expect(started).toEqual(['0', '1', '3', '2'])
    await end(2)
    await running
  })

  it('runs a task that a cleanup adds when that has ended, not beside it', async () => {
    const calls: string[] = []
    const gate = newGate()
    const tasks = new BackgroundTasks([], { concurrency: 2 })
    tasks.defer(async () => {
      tasks.addTask(() => calls.push('task'))
      await gate.opened
      calls.push('cleanup')
    })
    const running = tasks.run()
    await turn()
    gate.open()
    await running
    expect(calls).toEqual(['cleanup', 'task'])
  })
})

describe('The async context of the code that wrapped is the context of the tasks', () => {
  const storage = new AsyncLocalStorage<string>()

  // That of an async failure was told where the package was loaded.
  it.each<[string, (tasks: BackgroundTasks) => BackgroundTask]>([
    [
      'that throws',
      (tasks) =>
        tasks.addTask(() => {
          throw new Error('bug')
        }),
    ],
    ['that rejects', (tasks) => tasks.addTask(() => Promise.reject(new Error('bug')))],
    [
      'that rejects later',
      (tasks) => tasks.addTask(() => turn().then(() => Promise.reject(new Error('bug')))),
    ],
    ['that is given up on', (tasks) => tasks.addTask(() => new Promise(() => {}))],
  ])('also for onError of a task %s', async (_, add) => {
    const seen: (string | undefined)[] = []
    const tasks = new BackgroundTasks([], { onError: () => seen.push(storage.getStore()) })
    const task = add(tasks)
    const response = storage.run('request', () => tasks.wrap(new Response('body')))
    await response.text()
    await turn()
    // Does nothing to one that has ended.
    if (task.status === 'running') task.cancel()
    await tasks.finished
    await turn()
    expect(seen).toEqual(['request'])
  })

  interface Path {
    name: string
    wrap: (tasks: BackgroundTasks) => unknown
    end?: (response: unknown, leave: () => void) => unknown
  }
  const { request: head } = newRequest({ method: 'HEAD' })
  const completed = newGate()
  const { request, leave } = newRequest()
  const paths: Path[] = [
    {
      name: 'a body that is read',
      wrap: (tasks) => tasks.wrap(new Response('body')),
      end: (response) => response instanceof Response && response.text(),
    },
    {
      name: 'a body that is cancelled',
      wrap: (tasks) => tasks.wrap(new Response('body')),
      end: (response) => response instanceof Response && response.body?.cancel(),
    },
    {
      name: 'a body that fails',
      wrap: (tasks) => {
        const source = newSource()
        const response = tasks.wrap(source.response)
        source.error('broken')
        return response
      },
      end: (response) => response instanceof Response && response.text().catch(() => {}),
    },
    {
      name: 'a body that nobody reads',
      wrap: (tasks) => tasks.wrap(new Response('body')),
      end: () => vi.advanceTimersByTimeAsync(10_000),
    },
    {
      name: 'a client that leaves',
      wrap: (tasks) => tasks.wrap(new Response('body'), { request }),
      end: () => leave(),
    },
    { name: 'no body', wrap: (tasks) => tasks.wrap(new Response(null)) },
    { name: 'a HEAD', wrap: (tasks) => tasks.wrap(new Response('body'), { request: head }) },
    {
      name: 'a signal of the host',
      wrap: (tasks) => tasks.wrap(new Response('body'), { completed: completed.opened }),
      end: () => completed.open(),
    },
    {
      name: 'a wrap inside another',
      wrap: (tasks) => {
        const inner = new BackgroundTask(() => turn())
        return tasks.wrap(inner.wrap(new Response('body')))
      },
      end: (response) => response instanceof Response && response.text(),
    },
    { name: 'run()', wrap: (tasks) => tasks.run() },
    {
      name: 'withBackgroundTasks',
      wrap: (tasks) =>
        withBackgroundTasks((list) => {
          list.addTask(tasks)
          return new Response('body')
        })(),
      end: async (response) => {
        const answer = await response
        return answer instanceof Response && answer.text()
      },
    },
    {
      name: 'a handler that throws',
      wrap: (tasks) =>
        withBackgroundTasks(async (list) => {
          list.addTask(tasks)
          throw new Error('bug')
        })().catch(() => {}),
    },
  ]

  it.each(paths)('$name', async ({ wrap, end }) => {
    const seen: unknown[] = []
    const note = (): unknown => seen.push(storage.getStore())
    const gate = newGate()
    const tasks = new BackgroundTasks([], { when: everyOutcome })
    const nested = new BackgroundTasks()
    nested.addTask(note)
    tasks.addTask(note)
    tasks.addTask(() => gate.opened)
    tasks.addTask(note)
    tasks.addTask(nested)
    tasks.addTask({ run: note })
    tasks.defer(note)
    const response = storage.run('of the request', () => wrap(tasks))
    await storage.run('of the host', async () => {
      await end?.(response, leave)
      await turn()
      gate.open()
    })
    await tasks.finished
    expect(seen).toEqual(Array(5).fill('of the request'))
  })

  it('inside an instrument too', async () => {
    const seen: unknown[] = []
    const undo = instrument(async (_task, run) => {
      seen.push(storage.getStore())
      await storage.run('of the instrument', run)
    })
    onTestFinished(undo)
    const task = new BackgroundTask(() => seen.push(storage.getStore()))
    const response = storage.run('of the request', () => task.wrap(new Response('body')))
    await response.text()
    await task.finished
    expect(seen).toEqual(['of the request', 'of the instrument'])
  })

  const joins: [string, (tasks: BackgroundTasks) => unknown][] = [
    ['a list that wraps', (tasks) => tasks.wrap(new Response('inner'))],
    [
      'a handler',
      (tasks) =>
        withBackgroundTasks((list) => {
          list.addTask(tasks)
          return new Response('inner')
        })(),
    ],
    [
      'an async handler',
      (tasks) =>
        withBackgroundTasks(async (list) => {
          await turn()
          list.addTask(tasks)
          return new Response('inner')
        })(),
    ],
  ]
  it.each(joins)('also below a provider, of %s', async (_, join) => {
    const seen: unknown[] = []
    const note = (): unknown => seen.push(storage.getStore())
    const noteList = (): unknown => seen.push(backgroundTasks() === list)
    let list: BackgroundTasks | undefined
    const tasks = new BackgroundTasks()
    tasks.addTask(note)
    tasks.addTask(noteList)
    tasks.defer(note)
    const handle = provideBackgroundTasks(async () => {
      list = backgroundTasks()
      list.addTask(note)
      await storage.run('of the inner code', () => join(tasks))
      list.addTask(note)
      return new Response('body')
    })
    const response = await storage.run('of the request', () => handle())
    await storage.run('of the host', () => response.text())
    await drain()
    expect(seen).toEqual([
      'of the request',
      'of the inner code',
      true,
      'of the inner code',
      'of the request',
    ])
  })

  it('for what another request adds while the list runs', async () => {
    const seen: unknown[] = []
    const gate = newGate()
    const tasks = new BackgroundTasks([], { concurrency: 2 })
    tasks.addTask(() => gate.opened)
    const running = storage.run('of the request', () => tasks.run())
    storage.run('of another', () => tasks.addTask(() => seen.push(storage.getStore())))
    await turn()
    gate.open()
    await running
    expect(seen).toEqual(['of the request'])
  })
})

/** A task that ignores its signal and ends when the gate opens. */
function newIgnorer(timeout?: number): {
  gate: Gate
  context: () => TaskContext | undefined
  definition: { name: string; run: (context: TaskContext) => Promise<void>; timeout?: number }
} {
  const gate = newGate()
  let given: TaskContext | undefined
  return {
    gate,
    context: () => given,
    definition: {
      name: 'ignorer',
      run(context) {
        given = context
        return gate.opened
      },
      ...(timeout === undefined ? undefined : { timeout }),
    },
  }
}

describe('A timeout or a cancel aborts the signal, and gives up on the task', () => {
  it('at the timeout of the task, and not before', async () => {
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], {
      failure: 'continue',
      onError: (error) => void errors.push(error),
    })
    const { definition, context } = newIgnorer(50)
    const task = tasks.addTask(definition)
    const next = tasks.addTask(() => {})
    await tasks.wrap(new Response('body')).text()
    await turn()
    await vi.advanceTimersByTimeAsync(49)
    expect([task.status, context()?.signal.aborted]).toEqual(['running', false])
    await vi.advanceTimersByTimeAsync(1)
    await tasks.finished
    expect([task.status, next.status, context()?.signal.aborted]).toEqual([
      'rejected',
      'fulfilled',
      true,
    ])
    const { error } = await task.finished
    expect(error).toMatchObject({
      name: 'TimeoutError',
      message: 'The task took longer than 50 ms',
    })
    expect(context()?.signal.reason).toBe(error)
    expect(errors.map(({ cause }) => cause)).toEqual([error])
  })

  it('at the timeout of its list, or of the list around that', async () => {
    const ignorers = [newIgnorer(), newIgnorer(), newIgnorer(10)]
    const [outer, inner, own] = ignorers.map(({ definition }) => new BackgroundTask(definition))
    if (outer === undefined || inner === undefined || own === undefined) throw new Error('no tasks')
    const options = { ...quiet, concurrency: Infinity, failure: 'continue' } as const
    const nested = new BackgroundTasks([own], options)
    const limited = new BackgroundTasks([inner], { ...options, timeout: 20 })
    const tasks = new BackgroundTasks([outer, nested, limited], { ...options, timeout: 30 })
    void tasks.run()
    const statuses = (): string[] => [own, inner, outer].map(({ status }) => status)
    await vi.advanceTimersByTimeAsync(10)
    expect(statuses()).toEqual(['rejected', 'running', 'running'])
    await vi.advanceTimersByTimeAsync(10)
    expect(statuses()).toEqual(['rejected', 'rejected', 'running'])
    await vi.advanceTimersByTimeAsync(10)
    expect(statuses()).toEqual(['rejected', 'rejected', 'rejected'])
    await tasks.finished
  })

  it('at the timeout of its list for a cleanup', async () => {
    const errors: BackgroundTaskError[] = []
    const calls: string[] = []
    const tasks = new BackgroundTasks([], {
      timeout: 20,
      onError: (error) => void errors.push(error),
    })
    tasks.defer(() => calls.push('first'))
    tasks.defer(function hang() {
      return new Promise(() => {})
    })
    void tasks.run()
    await vi.advanceTimersByTimeAsync(20)
    await tasks.finished
    expect(errors.map(({ task }) => task)).toEqual(['hang'])
    expect(calls).toEqual(['first'])
  })

  it.each([2 ** 31, Infinity])(
    'never at a timeout of %s, which a timer cannot count',
    async (timeout) => {
      const { definition, gate } = newIgnorer(timeout)
      const task = new BackgroundTask(definition)
      const running = task.run()
      await vi.advanceTimersByTimeAsync(1000)
      expect(task.status).toBe('running')
      gate.open()
      await running
    },
  )

  it('leaves no timer behind', async () => {
    const before = vi.getTimerCount()
    await new BackgroundTask({ run: () => {}, timeout: 50 }).run()
    await new BackgroundTask({ run: async () => {}, timeout: 50 }).run()
    expect(vi.getTimerCount()).toBe(before)
  })

  it('by cancel, while it runs: with the reason', async () => {
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], { onError: (error) => void errors.push(error) })
    const { definition, context } = newIgnorer()
    const task = tasks.addTask(definition)
    const next = tasks.addTask(() => {})
    await tasks.wrap(new Response('body')).text()
    await turn()
    task.cancel('no longer wanted')
    expect(task.status).toBe('rejected')
    expect(context()?.signal).toMatchObject({ aborted: true, reason: 'no longer wanted' })
    await tasks.finished
    expect(errors.map(({ cause, skipped }) => [cause, skipped])).toEqual([
      ['no longer wanted', ['anonymous']],
    ])
    expect(next.status).toBe('skipped')
  })

  it('by cancel, before it starts: it is skipped, and nothing is reported', async () => {
    const { response, witness, tasks } = wrapWitness(new Response('body'))
    witness.task.cancel('no longer wanted')
    expect(witness.task.status).toBe('skipped')
    const next = tasks.addTask(() => {})
    await response.body?.cancel()
    await tasks.finished
    expect(await witness.task.finished).toEqual({
      name: 'witness',
      status: 'skipped',
      outcome: 'cancelled',
      duration: 0,
      error: 'no longer wanted',
    })
    expect(witness.outcomes()).toEqual([])
    expect(next.status).toBe('fulfilled')
  })

  it.each<[string, (task: BackgroundTask) => unknown]>([
    ['sync', (task) => task.cancel('enough')],
    ['async', async (task) => (await turn(), task.cancel('enough'), await turn())],
  ])('by cancel from within the task: %s', async (_, run) => {
    const tasks = new BackgroundTasks([], quiet)
    const task: BackgroundTask = tasks.addTask({ run: () => run(task) })
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    expect(await task.finished).toMatchObject({ status: 'rejected', error: 'enough' })
  })

  it('by cancel with an AbortError when there is no reason', async () => {
    const task = new BackgroundTask(() => {})
    task.cancel()
    expect(await task.finished).toMatchObject({
      error: { name: 'AbortError', message: 'The task was cancelled' },
    })
  })

  it('and leaves a task alone that has ended', async () => {
    let signal: AbortSignal | undefined
    const task = new BackgroundTask({
      run(context) {
        signal = context.signal
      },
    })
    await task.run()
    const ended = await task.finished
    task.cancel('late')
    expect(await task.finished).toBe(ended)
    expect([task.status, signal?.aborted]).toEqual(['fulfilled', false])
  })

  it.each<[string, (gate: Promise<void>) => Promise<unknown>]>([
    ['fulfils', (gate) => gate],
    ['rejects', (gate) => gate.then(() => Promise.reject(new Error('late')))],
  ])('and what the task does later is nobody’s: it %s', async (_, run) => {
    const gate = newGate()
    const errors: unknown[] = []
    const tasks = new BackgroundTasks([], { onError: (error) => void errors.push(error) })
    const task = tasks.addTask({ run: () => run(gate.opened), timeout: 10 })
    const running = tasks.run().catch(() => {})
    await vi.advanceTimersByTimeAsync(10)
    await running
    gate.open()
    await turn()
    expect(await task.finished).toMatchObject({
      status: 'rejected',
      error: { name: 'TimeoutError' },
    })
    expect(errors).toHaveLength(1)
  })

  it('and an aborted signal shows in a context that is looked at late', async () => {
    const { definition, context } = newIgnorer()
    const task = new BackgroundTask(definition)
    void task.run()
    task.cancel('enough')
    expect(context()?.signal).toMatchObject({ aborted: true, reason: 'enough' })
    await turn()
    takePrinted()
  })

  it('and holds nothing of its request after that, though it never ends', async () => {
    const never = new Promise<void>(() => {})
    const stuck: BackgroundTask[] = []
    const references = (() => {
      const argument = { size: 'large' }
      const response = new Response('body')
      const tasks = new BackgroundTasks([], quiet)
      stuck.push(tasks.addTask((_argument: object) => never, argument))
      stuck.push(
        tasks.addTask({
          run(context) {
            void Promise.resolve(context)
            return never
          },
        }),
      )
      const wrapped = tasks.wrap(response, { completed: Promise.reject(argument) })
      return [argument, wrapped, tasks].map((value) => new WeakRef(value))
    })()
    await turn()
    for (const task of stuck) {
      task.cancel()
      await turn()
    }
    for (const reference of references) expect(await isCollected(reference)).toBe(true)
    expect(stuck.map(({ status }) => status)).toEqual(['rejected', 'skipped'])
    void never
  })
})

describe('An instrument that fails is reported, and the task runs once', () => {
  const instruments: [
    string,
    (task: BackgroundTask, run: () => Promise<void>) => Promise<void>,
    string[],
  ][] = [
    [
      'throws before run',
      () => {
        throw new Error('broken')
      },
      ['failed'],
    ],
    ['rejects before run', async () => Promise.reject(new Error('broken')), ['failed']],
    [
      'throws after run',
      async (_task, run) => {
        await run()
        throw new Error('broken')
      },
      ['failed'],
    ],
    [
      'throws while the task runs',
      (_task, run) => {
        void run()
        throw new Error('broken')
      },
      ['failed'],
    ],
    ['never calls run', async () => {}, ['did not call run']],
    ['returns nothing', () => undefined as unknown as Promise<void>, ['did not call run']],
    [
      'calls run too late',
      async (_task, run) => void setTimeout(() => void run(), 5),
      ['did not call run'],
    ],
    ['hangs before run', () => new Promise<void>(() => {}), ['has not called run for 1000 ms']],
    [
      'hangs after run',
      async (_task, run) => {
        await run()
        await new Promise(() => {})
      },
      [],
    ],
    [
      'calls run twice',
      async (_task, run) => {
        await Promise.all([run(), run()])
        await run()
      },
      [],
    ],
    ['does not wait for run', async (_task, run) => void run(), []],
  ]
  const tasksToRun: [string, () => unknown, string][] = [
    ['sync', () => {}, 'fulfilled'],
    ['async', () => turn(), 'fulfilled'],
    [
      'failing',
      () => {
        throw new Error('bug')
      },
      'rejected',
    ],
    ['rejecting', () => Promise.reject(new Error('bug')), 'rejected'],
  ]
  const cases = instruments.flatMap(([how, around, messages]) =>
    tasksToRun.map(([kind, run, status]) => ({ how, around, messages, kind, run, status })),
  )

  it.each(cases)(
    'one that $how, with a task that is $kind',
    async ({ around, messages, run, status, how }) => {
      const undo = instrument(around)
      onTestFinished(undo)
      const called = vi.fn<() => unknown>(run)
      const errors: BackgroundTaskError[] = []
      const tasks = new BackgroundTasks([], {
        failure: 'continue',
        onError: (error) => void errors.push(error),
      })
      const task = tasks.addTask({ name: 'watched', run: called })
      const response = tasks.wrap(new Response('body'))
      await response.text()
      await turn()
      await vi.advanceTimersByTimeAsync(1000)
      await turn()
      expect(called).toHaveBeenCalledOnce()
      expect(task.status).toBe(status)
      await tasks.finished
      // An error of the task itself passes through the instrument: it is not the instrument's.
      const expected = how === 'throws after run' && status === 'rejected' ? [] : messages
      expect(takePrinted().map(([error]) => error instanceof Error && error.message)).toEqual(
        expected.map((message) => `The instrument of task watched ${message}`),
      )
      expect(errors).toHaveLength(status === 'rejected' ? 1 : 0)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(called).toHaveBeenCalledOnce()
    },
  )

  it('and the others around and inside of it see the task', async () => {
    const seen: string[] = []
    const witness = (name: string) => async (_task: BackgroundTask, run: () => Promise<void>) => {
      seen.push(`${name} before`)
      await run()
      seen.push(`${name} after`)
    }
    const undos = [
      instrument(witness('outer')),
      instrument(() => {
        throw new Error('broken')
      }),
      instrument(witness('inner')),
    ]
    onTestFinished(() => {
      for (const undo of undos) undo()
    })
    await new BackgroundTask(() => seen.push('task')).run()
    await turn()
    expect(seen).toEqual(['outer before', 'inner before', 'task', 'inner after', 'outer after'])
    expect(takePrinted()).toMatchObject([[{ cause: { message: 'broken' } }]])
  })

  it('and its report names the cause', async () => {
    const broken = new Error('broken')
    onTestFinished(instrument(() => Promise.reject(broken)))
    await new BackgroundTask(() => {}).run()
    await turn()
    expect(takePrinted()).toMatchObject([[{ cause: broken }]])
  })
})

describe('Wrong use fails at the call', () => {
  // Exactly what TypeScript would refuse, given by somebody without it.
  const wrong: [string, () => unknown, string][] = [
    [
      'a promise in the place of a function',
      () => new BackgroundTasks().addTask(Promise.resolve() as never),
      'Cannot add the task: it is a promise, so its function runs already, pass the function itself and its arguments after it',
    ],
    [
      'a concurrency of 0',
      () => new BackgroundTasks([], { concurrency: 0 }),
      'Cannot create the list: concurrency is 0, pass a whole number from 1 or Infinity',
    ],
    [
      'no response',
      () => new BackgroundTasks().wrap({} as never),
      'Cannot wrap the response: it is an object, pass the Response of the handler',
    ],
  ]
  it.each(wrong)('%s', (_, use, message) => {
    expect(use).toThrow(message)
  })
})

describe('drain waits until nothing is waiting or running', () => {
  it('for a response on its way, and for its tasks', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.addTask(() => gate.opened)
    tasks.addTask(() => {})
    const response = tasks.wrap(new Response('body'))
    let drained: unknown
    const draining = drain().then((result) => (drained = result))
    await turn()
    expect(drained).toBeUndefined()
    await response.text()
    await turn()
    expect(drained).toBeUndefined()
    gate.open()
    await draining
    expect(drained).toEqual({ finished: 2, abandoned: [] })
  })

  it('for a handler that is running', async () => {
    const gate = newGate()
    const handle = withBackgroundTasks(async (tasks) => {
      await gate.opened
      tasks.addTask(() => {})
      return new Response(null)
    })
    const answered = handle()
    const draining = drain()
    gate.open()
    await answered
    expect(await draining).toEqual({ finished: 1, abandoned: [] })
  })

  it('for what runs outside of any request', async () => {
    const gate = newGate()
    void new BackgroundTask(() => gate.opened).run()
    void new BackgroundTasks([new BackgroundTask(() => gate.opened)]).run()
    const draining = drain()
    gate.open()
    expect(await draining).toEqual({ finished: 2, abandoned: [] })
  })

  it('for tasks that are added while it waits', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.addTask(async () => {
      await gate.opened
      new BackgroundTask(() => turn()).wrap(new Response(null))
      tasks.addTask(() => turn())
    })
    void tasks.run()
    void tasks.finished.then(() => tasks.addTask(() => turn()))
    const draining = drain()
    gate.open()
    expect(await draining).toEqual({ finished: 4, abandoned: [] })
  })

  it('for a task that is added as the last one ends', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks([new BackgroundTask(() => gate.opened)])
    void tasks.run()
    void tasks.finished.then(() => tasks.addTask(() => turn()))
    const draining = drain()
    gate.open()
    expect(await draining).toEqual({ finished: 2, abandoned: [] })
  })

  it('for two that wait at once', async () => {
    const gate = newGate()
    void new BackgroundTask(() => gate.opened).run()
    const draining = [drain(), drain({ timeout: 60_000 })]
    gate.open()
    expect(await Promise.all(draining)).toEqual([
      { finished: 1, abandoned: [] },
      { finished: 1, abandoned: [] },
    ])
  })

  it('for nothing when there is nothing', async () => {
    new BackgroundTasks().wrap(new Response('body'))
    await turn()
    new BackgroundTasks().addTask(() => {})
    expect(await drain()).toEqual({ finished: 0, abandoned: [] })
  })

  it('and counts cleanups as no tasks', async () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(() => {})
    tasks.defer(() => {})
    void tasks.wrap(new Response('body')).text()
    expect(await drain()).toEqual({ finished: 1, abandoned: [] })
  })

  it('aborts nothing before its deadline, and at it the rest, and says which', async () => {
    const signals: AbortSignal[] = []
    const run = ({ signal }: TaskContext): Promise<void> => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const tasks = new BackgroundTasks([], { ...quiet, concurrency: 2 })
    tasks.addTask(() => {})
    const [running, ignoring] = [tasks.addTask({ run }), tasks.addTask({ run })]
    const nested = tasks.addTask(new BackgroundTasks())
    const waiting = nested.addTask(() => {})
    const unsent = new BackgroundTask(() => {})
    const response = unsent.wrap(new Response('body'))
    void tasks.run()

    const draining = drain({ timeout: 100 })
    await vi.advanceTimersByTimeAsync(99)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    expect([running, ignoring, waiting, unsent].map(({ status }) => status)).toEqual([
      'running',
      'running',
      'pending',
      'pending',
    ])
    await vi.advanceTimersByTimeAsync(1)
    const { finished, abandoned } = await draining
    expect(finished).toBe(0)
    expect(new Set(abandoned)).toEqual(new Set([running, ignoring, waiting, unsent]))
    expect(abandoned).toHaveLength(4)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(await running.finished).toMatchObject({
      status: 'rejected',
      error: { name: 'AbortError', message: 'The process shuts down' },
    })
    expect(await waiting.finished).toMatchObject({ status: 'skipped' })
    await response.text()
    await turn()
    expect(await unsent.finished).toMatchObject({ status: 'skipped' })
  })

  it('and names a cleanup that it has given up on', async () => {
    const tasks = new BackgroundTasks([], quiet)
    const calls: string[] = []
    tasks.defer(() => calls.push('first'))
    tasks.defer(function closeSession() {
      return new Promise(() => {})
    })
    void tasks.run()
    const draining = drain({ timeout: 100 })
    await vi.advanceTimersByTimeAsync(100)
    expect((await draining).abandoned.map(({ name }) => name)).toContain('closeSession')
    await tasks.finished
  })

  it('inside a task, to its deadline, at which it gives up on that task too', async () => {
    const tasks = new BackgroundTasks([], quiet)
    let drained: Awaited<ReturnType<typeof drain>> | undefined
    const task = tasks.addTask(async () => {
      drained = await drain({ timeout: 100 })
    })
    await tasks.wrap(new Response('body')).text()
    await turn()
    await vi.advanceTimersByTimeAsync(100)
    await tasks.finished
    await turn()
    expect(drained?.abandoned).toEqual([task])
  })

  it('and finds again what it has given up on and what still waits', async () => {
    const cleanup = vi.fn<() => void>()
    const tasks = new BackgroundTasks([], quiet)
    tasks.addTask(() => {})
    tasks.defer(cleanup)
    const response = tasks.wrap(new Response('body'))
    const first = drain({ timeout: 100 })
    await vi.advanceTimersByTimeAsync(100)
    expect((await first).abandoned).toHaveLength(1)
    const second = drain({ timeout: 100 })
    await response.text()
    expect(await second).toEqual({ finished: 0, abandoned: [] })
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('with a list that the handler has run by hand', async () => {
    const handle = withBackgroundTasks(async (tasks) => {
      tasks.addTask(() => {})
      await tasks.run()
      return new Response('body')
    })
    await (await handle()).text()
    await turn()
    // It was counted as on its way for ever.
    expect(await drain()).toEqual({ finished: 0, abandoned: [] })
  })

  it('of what another copy of the package has accepted', async () => {
    vi.resetModules()
    const copy = await import('../src/index.ts')
    expect(copy.BackgroundTask).not.toBe(BackgroundTask)
    const gate = newGate()
    const task = new copy.BackgroundTask(() => gate.opened)
    const tasks = new copy.BackgroundTasks([task], quiet)
    void tasks.run()
    const draining = drain({ timeout: 100 })
    await vi.advanceTimersByTimeAsync(100)
    expect((await draining).abandoned).toEqual([task])
    await tasks.finished
  })
})

describe('A waiting response takes constant memory, which is released when its tasks have ended', () => {
  const ends: [string, (response: Response) => unknown, WrapOptions?][] = [
    ['is read', (response) => response.text()],
    ['is cancelled', (response) => response.body?.cancel()],
    ['is not to be read', () => {}, { request: new Request(url, { method: 'HEAD' }) }],
    ['has a signal of the host', () => {}, { completed: Promise.resolve() }],
  ]
  it.each(ends)('nothing of a response that %s, nor of its tasks', async (_, end, options) => {
    const references: WeakRef<object>[] = []
    const hold = <Value extends object>(value: Value): Value => {
      references.push(new WeakRef(value))
      return value
    }
    await (async () => {
      const argument = hold({ size: 'large' })
      const tasks = hold(new BackgroundTasks())
      hold(tasks.addTask((_argument: object) => turn(), argument))
      hold(tasks.addTask({ run: () => {}, timeout: 60_000 }))
      tasks.defer(hold(() => {}))
      const response = hold(tasks.wrap(hold(new Response('body')), options))
      await end(response)
      await tasks.finished
    })()
    for (const reference of references) expect(await isCollected(reference)).toBe(true)
  })

  it('nothing of a response whose request outlives it', async () => {
    const { request, leave } = newRequest()
    const references = await (async () => {
      const source = newSource()
      const { response, tasks } = wrapWitness(source.response, { request })
      const text = response.text()
      source.close()
      await text
      await tasks.finished
      return [source.response.body ?? response, response, tasks].map(
        (value) => new WeakRef<object>(value),
      )
    })()
    for (const reference of references) expect(await isCollected(reference)).toBe(true)
    leave()
    expect(request.signal.aborted).toBe(true)
  })

  it('nothing of earlier requests that were answered with the same response', async () => {
    const noContent = new Response(null, { status: 204 })
    const references: WeakRef<object>[] = []
    for (let request = 0; request < 3; request += 1) {
      await (async () => {
        const { tasks } = wrapWitness(noContent)
        references.push(new WeakRef(tasks))
        await tasks.finished
      })()
    }
    // Each held the one before it. The last one may stay with the response.
    references.pop()
    for (const reference of references) expect(await isCollected(reference)).toBe(true)
    expect(noContent.status).toBe(204)
  })

  it('nothing of a list in which a body fails or is never read', async () => {
    const reference = await (async () => {
      const { tasks } = wrapWitness(new Response('body'))
      await vi.advanceTimersByTimeAsync(10_000)
      await tasks.finished
      return new WeakRef(tasks)
    })()
    expect(await isCollected(reference)).toBe(true)
  })
})
