import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { provideBackgroundTasks } from '../../../src/context.ts'
import { withBackgroundTasks } from '../../../src/index.ts'
import { HandlerHost, tellerOf } from '../../../src/hosts/host.ts'
import type { Exchange } from '../../../src/response/exchange.ts'
import { newGate } from '../../support/gate.ts'
import { loadOn } from '../../support/load-on.ts'
import { NodeResponse } from '../../support/node-response.ts'
import { watchReports } from '../../support/reports.ts'
import { turn } from '../../support/turn.ts'
import { WatchedExchange } from '../../support/watched-exchange.ts'
import { newWitness } from '../../support/witness.ts'

watchReports()

const url = 'http://localhost/'

/** The host that calls a handler with these arguments. */
function hostOf(args: readonly unknown[], current?: unknown): HandlerHost {
  return new HandlerHost(args, undefined, current)
}

/** As `hostOf`, in a runtime with these globals. */
async function hostIn(globals: object, args: readonly unknown[]): Promise<HandlerHost> {
  const there = await loadOn({ ...globals }, () => import('../../../src/hosts/host.ts'))
  return new there.HandlerHost(args, undefined)
}

const throwing = (key: string): object =>
  Object.defineProperty({}, key, {
    get() {
      throw new Error(`no ${key} here`)
    },
  })

/** Whether the host tells the exchange how that answer ends. */
function observe(host: HandlerHost, exchange: Exchange, answer: unknown): boolean {
  const teller = host.teller(answer)
  teller?.tell(exchange)
  return teller !== undefined
}

describe('The request of a HandlerHost', () => {
  const request = new Request(url)

  it('is the first thing at a place of one that is a request', () => {
    expect(hostOf([request]).request).toBe(request)
    expect(hostOf([{ request, params: {} }]).request).toBe(request)
    // An event of h3 has a method and headers too.
    const event = { req: request, method: 'GET', headers: new Headers() }
    expect(hostOf([event]).request).toBe(request)
  })

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['null', [null]],
    ['text', ['text']],
    ['another object', [{ request: { method: 'GET' } }]],
    ['getters that throw', [throwing('request')]],
  ])('is none in %s', (_, args) => {
    expect(hostOf(args).request).toBeUndefined()
  })

  // Reading more would make a static route of Next.js dynamic.
  it('is known by its method and signal alone', () => {
    const read: PropertyKey[] = []
    const watched = new Proxy(
      { signal: undefined, method: 'GET' },
      {
        get(target, property) {
          read.push(property)
          return Reflect.get(target, property)
        },
      },
    )
    expect(hostOf([watched]).request).toBe(watched)
    expect(new Set(read)).not.toContain('headers')
    expect(new Set(read)).not.toContain('url')
  })

  // A `force-static` route of Next.js: its build failed.
  it('is none where its method throws, and is not asked for it before somebody wants to know', () => {
    const asked = vi.fn<() => never>(() => {
      throw new TypeError('Cannot read private member #state')
    })
    const host = hostOf([Object.defineProperty({ signal: undefined }, 'method', { get: asked })])
    expect(asked).not.toHaveBeenCalled()
    expect(host.request).toBeUndefined()
  })
})

describe('The context of a HandlerHost', () => {
  it('is what has a waitUntil at one of the places', () => {
    const context = { waitUntil() {} }
    expect(hostOf([new Request(url), {}, context]).context).toBe(context)
    expect(hostOf([{}, {}, { waitUntil: 1 }]).context).toBeUndefined()
    expect(hostOf([throwing('executionCtx')]).context).toBeUndefined()
    expect(hostOf([]).context).toBeUndefined()
  })

  it('is that of an adapter where there is a Node response', () => {
    const context = { waitUntil() {} }
    const adapter = { res: new NodeResponse(), waitUntil() {} }
    expect(hostOf([new Request(url), adapter, context]).context).toBe(adapter)
  })
})

describe('The end of a response on Node', () => {
  const answer = new Response('body')

  it('is told by the Node response that the host passes, whatever is answered', () => {
    const res = new NodeResponse()
    const host = hostOf([new Request(url), { res }])
    expect(host.carrier).toBe(res)
    for (const answered of [answer, 'text', undefined]) {
      expect(observe(host, new WatchedExchange(), answered)).toBe(true)
    }
    const exchange = new WatchedExchange()
    observe(host, exchange, answer)
    expect(exchange.ends).toEqual([])
    res.finish()
    expect(exchange.ends).toEqual([['closed', undefined]])
  })

  it('is told for a HEAD too, but on HTTP/2, where some adapters never close it', () => {
    const head = new Request(url, { method: 'HEAD' })
    const res = new NodeResponse()
    expect(observe(hostOf([head, { res }]), new WatchedExchange(), answer)).toBe(true)
    const http2 = Object.assign(new NodeResponse(), {
      stream: Object.assign(new EventEmitter(), { destroyed: false }),
    })
    expect(observe(hostOf([head, { res: http2 }]), new WatchedExchange(), answer)).toBe(false)
    expect(observe(hostOf([new Request(url), { res: http2 }]), new WatchedExchange(), answer)).toBe(
      true,
    )
  })

  it('is that of the current request where the arguments have none', () => {
    const [current, own] = [new NodeResponse(), new NodeResponse()]
    expect(hostOf([], current).carrier).toBe(current)
    expect(hostOf([new Request(url), { res: own }], current).carrier).toBe(own)
  })

  it('is not that of an earlier request, in whose context the handler is called', () => {
    const current = new NodeResponse()
    current.finish()
    const host = hostOf([], current)
    expect(host.carrier).toBeUndefined()
    expect(observe(host, new WatchedExchange(), answer)).toBe(false)
  })
})

/** What Deno passes beside the request. */
function info(completed: Promise<unknown>): object {
  return { completed, remoteAddr: {} }
}

/** As Deno makes it. */
function newDenoResponse(streamOrStatic: unknown): Response {
  const inner = { body: { streamOrStatic } }
  return Object.defineProperty(new Response(null), Symbol('response'), { value: inner })
}

describe('The end of a response on Deno', () => {
  const head = new Request(url, { method: 'HEAD' })
  const request = new Request(url)
  const answered = newDenoResponse({ body: 'text' })

  it('is told by its info where the body is no stream', async () => {
    const completed = newGate()
    const exchange = new WatchedExchange()
    const host = await hostIn({ Deno: {} }, [request, info(completed.opened)])
    expect(observe(host, exchange, answered)).toBe(true)
    await turn()
    expect(exchange.ends).toEqual([])
    completed.open()
    await turn()
    expect(exchange.ends).toEqual([['closed', undefined]])
  })

  // First asked for when the request is over, it never settles.
  it('is asked for when the handler is called, and may reject unheard', async () => {
    const completed = vi.fn<() => Promise<never>>(() => Promise.reject(new Error('cut')))
    const given = Object.defineProperty({ remoteAddr: {} }, 'completed', { get: completed })
    const host = await hostIn({ Deno: {} }, [request, given])
    await turn()
    expect(completed).toHaveBeenCalledOnce()
    observe(host, new WatchedExchange(), answered)
    await turn()
    expect(completed).toHaveBeenCalledOnce()
  })

  it('is not looked for in a stream, nor in what is no response', async () => {
    const stream = newDenoResponse(new ReadableStream())
    const host = await hostIn({ Deno: {} }, [request, info(Promise.resolve())])
    expect(observe(host, new WatchedExchange(), stream)).toBe(false)
    expect(observe(host, new WatchedExchange(), 'text')).toBe(false)
  })

  it('is told for a HEAD too', async () => {
    const host = await hostIn({ Deno: {} }, [head, info(Promise.resolve())])
    expect(observe(host, new WatchedExchange(), answered)).toBe(true)
  })

  it('leaves the signal of the request alone, which tells of a success too', async () => {
    const host = await hostIn({ Deno: {} }, [request, info(Promise.resolve())])
    expect(host.request).toEqual({ method: 'GET' })
    expect((await hostIn({ Deno: {} }, [request])).request).toBe(request)
  })
})

/** `Bun.inspect`, of a response that says what it prints. */
function inspect(value: unknown): string {
  return String(Reflect.get(Object(value), 'shown'))
}

function shown(text: string): Response {
  return Object.defineProperty(new Response('text'), 'shown', { value: text })
}

describe('The end of a response on Bun', () => {
  const known = shown('Response (5 bytes) {')

  it.each<[string, unknown[], unknown[]]>([
    ['has come as soon as Bun has a body that is no stream', [new Request(url)], ['closed']],
    ['needs no request', [], ['closed']],
    [
      'is a cancel when the client has gone by then',
      [new Request(url, { signal: AbortSignal.abort('gone') })],
      ['cancelled', 'gone'],
    ],
  ])('%s', async (_, args, [outcome, reason]) => {
    const exchange = new WatchedExchange()
    const host = await hostIn({ Bun: { inspect } }, args)
    expect(observe(host, exchange, known)).toBe(true)
    expect(exchange.ends).toEqual([[outcome, reason]])
  })

  it('is that of the body for a stream, and for a HEAD, whose answer must not be looked at', async () => {
    const host = await hostIn({ Bun: { inspect } }, [new Request(url)])
    expect(observe(host, new WatchedExchange(), shown('Response (0 KB) {'))).toBe(false)
    const head = [new Request(url, { method: 'HEAD' })]
    const ofHead = await hostIn({ Bun: { inspect } }, head)
    expect(observe(ofHead, new WatchedExchange(), known)).toBe(false)
  })
})

describe('tellerOf()', () => {
  it.each<[string, () => Promise<unknown>, unknown[]]>([
    ['a close when it fulfils', () => Promise.resolve('anything'), ['closed', undefined]],
    ['a cancel when it rejects', () => Promise.reject('cut'), ['cancelled', 'cut']],
  ])('tells of %s', async (_, complete, end) => {
    const exchange = new WatchedExchange()
    tellerOf(complete()).tell(exchange)
    await turn()
    expect(exchange.ends).toEqual([end])
  })
})

describe('provideBackgroundTasks() below node:http', () => {
  it('knows the end of the response without being given it', async () => {
    const witness = newWitness()
    const gate = newGate()
    const isTouched = vi.fn<() => void>()
    const handle = provideBackgroundTasks(async () => {
      const { backgroundTasks } = await import('../../../src/context.ts')
      backgroundTasks().addTask(witness.task)
      return new (class extends Response {
        override get body(): Response['body'] {
          isTouched()
          return super.body
        }
      })('body')
    })
    const server = createServer(async (_request, response) => {
      await handle()
      await gate.opened
      response.end('body')
    })
    const answered = fetch(await listen(server))
    await turn()
    expect(witness.outcomes()).toEqual([])
    gate.open()
    expect(await (await answered).text()).toBe('body')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
    expect(isTouched).not.toHaveBeenCalled()
  })
})

describe('A task that is added to an empty list when the answer is finished', () => {
  // Between the two events of Node it counted as cancelled.
  it.each(['finish', 'close'])('is told that it was sent, at its %s', async (event) => {
    const witness = newWitness()
    const handle = withBackgroundTasks(
      (tasks, _request: Request, { res }: { res: ServerResponse }) => {
        res.on(event, () => tasks.addTask(witness.task))
        return new Response('body')
      },
    )
    const server = createServer((_request, res) => {
      void handle(new Request(url), { res })
        .text()
        .then((body) => res.end(body))
    })
    expect(await (await fetch(await listen(server))).text()).toBe('body')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

/** Returns the address. */
async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/`
}

describe('The deadline of a HandlerHost on Workers', () => {
  class ExecutionContext {
    waitUntil(): void {}
  }

  // What a clock or a queue calls may take a quarter of an hour.
  it.each([
    ['a request', new Request(url), 'Cloudflare Workers'],
    ['a clock', { cron: '* * * * *' }, undefined],
  ])('is that of %s', async (_, first, platform) => {
    const navigator = { userAgent: 'Cloudflare-Workers' }
    const host = await hostIn({ navigator }, [first, {}, new ExecutionContext()])
    expect(host.context).toBeInstanceOf(ExecutionContext)
    expect(host.deadline?.platform).toBe(platform)
  })
})
