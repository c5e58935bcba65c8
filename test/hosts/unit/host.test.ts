import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { provideBackgroundTasks } from '../../../src/context.ts'
import { BackgroundTask, drain, type Outcome, withBackgroundTasks } from '../../../src/index.ts'
import { findHost } from '../../../src/lib/host.ts'
import { newGate } from '../../support/gate.ts'
import { watchReports } from '../../support/reports.ts'
import { newSource } from '../../support/source.ts'
import { turn } from '../../support/turn.ts'
import { newWitness } from '../../support/witness.ts'

watchReports()

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

const url = 'http://localhost/'

/** A response of `node:http`, or of `node:http2` when it has a stream. */
class NodeResponse extends EventEmitter {
  closed: boolean | undefined = false
  writableFinished = false
  errored: Error | null = null
  stream: { destroyed: boolean; rstCode?: number; errored?: Error | null } | undefined

  end({ stream, ...state }: Partial<NodeResponse> = {}): void {
    Object.assign(this, { closed: true }, state)
    if (this.stream !== undefined) Object.assign(this.stream, stream)
    if (this.writableFinished) this.emit('finish')
    this.emit('close')
  }
}

/** Notes each end it is told. */
function newListener(): { end: (outcome: Outcome, reason?: unknown) => void; ends: unknown[][] } {
  const ends: unknown[][] = []
  return { ends, end: (outcome, reason) => void ends.push([outcome, reason]) }
}

const throwing = (key: string): object =>
  Object.defineProperty({}, key, {
    get() {
      throw new Error(`no ${key} here`)
    },
  })

describe('The request that findHost() finds', () => {
  const request = new Request(url)

  it.each<[string, unknown[]]>([
    ['of a fetch server', [request]],
    ['of React Router, Remix, Astro and service workers', [{ request, params: {} }]],
    [
      'of h3, whose event has a method and headers too',
      [{ req: request, method: 'GET', headers: new Headers() }],
    ],
    ['of Hono', [{ req: { raw: request } }]],
    ['of the handle of SvelteKit', [{ event: { request }, resolve: () => {} }]],
  ])('is that %s', (_, args) => {
    expect(findHost(args, {}).request).toBe(request)
  })

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['null', [null]],
    ['text', ['text']],
    ['another object', [{ request: { method: 'GET' } }]],
    ['getters that throw', [throwing('request')]],
  ])('is none in %s', (_, args) => {
    expect(findHost(args, {}).request).toBeUndefined()
  })
})

describe('The waitUntil that findHost() finds', () => {
  /** Works only as a method, as on Workers. */
  class Context {
    readonly held: unknown[] = []
    waitUntil(promise: unknown): void {
      this.held.push(promise)
    }
  }

  it.each<[string, (context: Context) => unknown[]]>([
    ['of srvx and service workers', (context) => [context]],
    ['of the request in an event of h3', (context) => [{ req: context, waitUntil: () => {} }]],
    ['of @whatwg-node/server and Netlify', (context) => [{}, context]],
    ['of Workers', (context) => [{}, {}, context]],
    ['of Hono', (context) => [{ executionCtx: context }]],
    ['of SvelteKit', (context) => [{ platform: { ctx: context } }]],
    ['of the handle of SvelteKit', (context) => [{ event: { platform: { ctx: context } } }]],
    ['of Astro', (context) => [{ locals: { cfContext: context } }]],
    ['of React Router', (context) => [{ context: { cloudflare: { ctx: context } } }]],
  ])('is that %s', async (_, place) => {
    const context = new Context()
    const promise = Promise.resolve()
    findHost(place(context), {}).waitUntil?.(promise)
    expect(context.held).toEqual([promise])
  })

  it('is that of the options first', () => {
    const waitUntil = vi.fn<() => void>()
    const host = findHost([new Context()], { waitUntil, unreadTimeout: 5 })
    expect(host.waitUntil).toBe(waitUntil)
    expect(host.unreadTimeout).toBe(5)
  })

  // Its own does nothing then.
  it('is none in an event of h3 whose request has none', () => {
    expect(findHost([{ req: new Request(url), waitUntil() {} }], {}).waitUntil).toBeUndefined()
  })

  it('is not looked for in a context of Hono on Node, which throws', () => {
    const executionCtx = vi.fn<() => void>()
    const context = { env: { outgoing: new NodeResponse() } }
    Object.defineProperty(context, 'executionCtx', { get: executionCtx })
    expect(findHost([context], {}).waitUntil).toBeUndefined()
    expect(executionCtx).not.toHaveBeenCalled()
  })

  it('is none where its getter throws', () => {
    expect(findHost([throwing('executionCtx')], {}).waitUntil).toBeUndefined()
    expect(findHost([], {}).waitUntil).toBeUndefined()
  })
})

describe('The end of a Node response', () => {
  const answer = new Response('body')

  it.each<[string, (response: NodeResponse) => unknown[]]>([
    ['of @whatwg-node/server', (res) => [new Request(url), { res }]],
    ['of @hono/node-server', (outgoing) => [new Request(url), { outgoing }]],
    ['of srvx and h3', (res) => [{ runtime: { node: { res } } }]],
    ['of Hono', (outgoing) => [{ env: { outgoing } }]],
  ])('is heard: %s', (_, place) => {
    const response = new NodeResponse()
    const listener = newListener()
    expect(findHost(place(response), {}).observe?.(listener, answer)).toBe(true)
    expect(listener.ends).toEqual([])
    response.end({ writableFinished: true })
    expect(listener.ends).toEqual([['closed', undefined]])
  })

  const broken = new Error('broken')
  const gone = expect.objectContaining({ name: 'AbortError', message: 'The client went away' })
  const stream = { destroyed: true }
  it.each<[string, Partial<NodeResponse>, unknown[]]>([
    ['finished', { writableFinished: true }, ['closed', undefined]],
    [
      'finished before an error',
      { writableFinished: true, errored: broken },
      ['closed', undefined],
    ],
    ['failed', { errored: broken }, ['errored', broken]],
    ['neither', {}, ['cancelled', gone]],
    [
      'finished on HTTP/2',
      { writableFinished: true, stream: { ...stream, rstCode: 0 } },
      ['closed', undefined],
    ],
    [
      'cut on HTTP/2',
      { writableFinished: true, stream: { ...stream, rstCode: 8 } },
      ['cancelled', gone],
    ],
    ['failed on HTTP/2', { stream: { ...stream, errored: broken } }, ['errored', broken]],
  ])('tells what came of it: %s', (_, state, end) => {
    const response = new NodeResponse()
    if (state.stream !== undefined) response.stream = { destroyed: false }
    const listener = newListener()
    findHost([{}, { res: response }], {}).observe?.(listener, answer)
    response.end(state)
    expect(listener.ends).toEqual([end])
  })

  it.each<[string, Partial<NodeResponse>]>([
    ['on HTTP/1', { closed: true }],
    ['on HTTP/2', { closed: undefined, stream }],
  ])('may have come before: %s', (_, state) => {
    const response = Object.assign(new NodeResponse(), state)
    const listener = newListener()
    expect(findHost([{}, { res: response }], {}).observe?.(listener, 'text')).toBe(true)
    expect(listener.ends).toEqual([['cancelled', gone]])
  })

  // Before Node 24 it says `writableFinished` all the same.
  it('is not believed when it was ended and then cut', () => {
    const response = new NodeResponse()
    const listener = newListener()
    findHost([{}, { res: response }], {}).observe?.(listener, answer)
    Object.assign(response, { writableFinished: true, errored: broken, closed: true })
    response.emit('close')
    expect(listener.ends).toEqual([['errored', broken]])
  })

  it('is heard for a HEAD too, but on HTTP/2', () => {
    const head = new Request(url, { method: 'HEAD' })
    const listener = newListener()
    const response = new NodeResponse()
    expect(findHost([head, { res: response }], {}).observe?.(listener, answer)).toBe(true)
    response.stream = { destroyed: false }
    expect(findHost([head, { res: response }], {}).observe?.(listener, answer)).toBe(false)
  })

  it('is that of the current request where the arguments have none', () => {
    const [current, own] = [new NodeResponse(), new NodeResponse()]
    const listener = newListener()
    expect(findHost([], {}, current).observe?.(listener, answer)).toBe(true)
    current.end({ writableFinished: true })
    expect(listener.ends).toHaveLength(1)

    const another = newListener()
    findHost([{}, { res: own }], {}, new NodeResponse()).observe?.(another, answer)
    own.end({ writableFinished: true })
    expect(another.ends).toHaveLength(1)
  })

  it('is not that of an earlier request', () => {
    const current = new NodeResponse()
    current.end({ writableFinished: true })
    expect(findHost([], {}, current).observe?.(newListener(), answer)).toBe(false)
  })

  it('cancels a body that its host has left behind', async () => {
    const source = newSource()
    const response = new NodeResponse()
    findHost([{}, { res: response }], {}).observe?.(newListener(), source.response)
    response.end()
    await vi.advanceTimersByTimeAsync(249)
    expect(source.cancels()).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(source.cancels()).toEqual([gone])
  })

  // A constant of Hono is sent many times, until somebody looks at its body.
  it('leaves a light response alone whose body nobody has looked at', async () => {
    const body = vi.fn<() => ReadableStream | null>(() => null)
    const light = Object.defineProperty(new Response('constant'), 'body', { get: body })
    Reflect.set(light, Symbol('cache'), [200, 'constant'])
    const response = new NodeResponse()
    findHost([{}, { res: response }], {}).observe?.(newListener(), light)
    response.end()
    await vi.advanceTimersByTimeAsync(250)
    expect(body).not.toHaveBeenCalled()
  })

  it.each<[string, () => unknown]>([
    [
      'is being read',
      () => {
        const source = newSource()
        source.response.body?.getReader()
        return source.response
      },
    ],
    ['is none', () => new Response(null)],
    ['has no body', () => 'text'],
    [
      'cannot be cancelled',
      () =>
        new Response(
          new ReadableStream({
            cancel() {
              throw new Error('cannot stop')
            },
          }),
        ),
    ],
  ])('leaves an answer alone that %s', async (_, create) => {
    const response = new NodeResponse()
    findHost([{}, { res: response }], {}).observe?.(newListener(), create())
    response.end()
    await vi.advanceTimersByTimeAsync(250)
    await turn()
  })
})

type Handler = (request: Request, context: object) => unknown

function answerBody(): Response {
  return new Response('body')
}

/** Answers as `handler` does, and adds a task of its own. */
function layer(calls: string[], name: string, handler: Handler): Handler {
  return withBackgroundTasks((tasks, request: Request, context: object) => {
    tasks.addTask({ run: ({ outcome }) => calls.push(`${name} ${outcome}`) })
    return handler(request, context)
  })
}

describe('Handlers in each other on one Node response', () => {
  // Node printed MaxListenersExceededWarning.
  it('listen once, and run their lists from the inside out', async () => {
    const calls: string[] = []
    const names = Array.from({ length: 12 }, (_, index) => String(index))
    let handler: Handler = answerBody
    for (const name of names) handler = layer(calls, name, handler)
    const res = new NodeResponse()
    await handler(new Request(url), { res })
    expect([res.listenerCount('finish'), res.listenerCount('close')]).toEqual([1, 1])
    expect(calls).toEqual([])
    res.end({ writableFinished: true })
    await drain()
    expect(calls).toEqual(names.map((name) => `${name} closed`))
  })

  it('run all lists of two handlers that a third one calls', async () => {
    const calls: string[] = []
    const [first, second] = ['first', 'second'].map((name) =>
      layer(calls, name, () => new Response(name)),
    )
    const both = layer(calls, 'both', async (request, context) => {
      await first?.(request, context)
      return await second?.(request, context)
    })
    const res = new NodeResponse()
    await both(new Request(url), { res })
    res.end({ writableFinished: true })
    await drain()
    expect(calls).toEqual(['first closed', 'second closed', 'both closed'])
  })

  // The list of the task waited for that of the handler, and that for the task.
  it('run the list of a handler that a running task calls and waits for', async () => {
    const calls: string[] = []
    const res = new NodeResponse()
    const answer = new Response(null)
    const outer = withBackgroundTasks((tasks, request: Request, context: object) => {
      tasks.addTask(async () => {
        const again = new BackgroundTask(() => calls.push('again'))
        const inner = withBackgroundTasks((list, _request: Request, _context: object) => {
          list.addTask(again)
          return answer
        })
        await inner(request, context)
        await again.finished
        calls.push('task')
      })
      return answer
    })
    await outer(new Request(url), { res })
    res.end({ writableFinished: true })
    await drain()
    expect(calls).toEqual(['again', 'task'])
  })

  it('run side by side where each has an answer of its own', async () => {
    const calls: string[] = []
    const gate = newGate()
    const res = new NodeResponse()
    const hanging = withBackgroundTasks((tasks, _request: Request, _context: object) => {
      tasks.addTask(() => gate.opened)
      return new Response('first')
    })
    await hanging(new Request(url), { res })
    await layer(calls, 'second', answerBody)(new Request(url), { res })
    res.end({ writableFinished: true })
    await turn()
    expect(calls).toEqual(['second closed'])
    gate.open()
    await drain()
  })

  it('cancel the body that is left behind, also where the outer one has answered with another', async () => {
    const [inner, outer] = [newSource(), newSource()]
    const calls: string[] = []
    const replaced = layer(calls, 'outer', async (request, context) => {
      await layer(calls, 'inner', () => inner.response)(request, context)
      return outer.response
    })
    const res = new NodeResponse()
    await replaced(new Request(url), { res })
    res.end()
    await vi.advanceTimersByTimeAsync(250)
    expect([inner.cancels().length, outer.cancels().length]).toEqual([1, 1])
    await drain()
    expect(calls).toEqual(['inner cancelled', 'outer cancelled'])
  })
})

/** The same module in a runtime with these globals. */
async function importIn(globals: object): Promise<typeof import('../../../src/lib/host.ts')> {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  vi.resetModules()
  return await import('../../../src/lib/host.ts')
}

/** What Deno passes beside the request. */
function info(completed: Promise<unknown>): object {
  return { completed, remoteAddr: {} }
}

/** As Deno makes it. */
function newDenoResponse(inner: unknown): Response {
  return Object.defineProperty(new Response(null), Symbol('response'), { value: inner })
}

describe('The end of a response on Deno', () => {
  const head = new Request(url, { method: 'HEAD' })
  const request = new Request(url)
  const still = newDenoResponse({ body: { streamOrStatic: { body: 'text' } } })

  it.each<[string, (given: object) => unknown[]]>([
    ['of Deno.serve', (given) => [request, given]],
    ['of Hono', (given) => [{ req: { raw: request }, env: given }]],
    ['of srvx and h3', (given) => [{ req: request, runtime: { deno: { info: given } } }]],
  ])('is heard where the body is no stream: %s', async (_, place) => {
    const { findHost: find } = await importIn({ Deno: {} })
    const completed = newGate()
    const listener = newListener()
    expect(find(place(info(completed.opened)), {}).observe?.(listener, still)).toBe(true)
    await turn()
    expect(listener.ends).toEqual([])
    completed.open()
    await turn()
    expect(listener.ends).toEqual([['closed', undefined]])
  })

  it('is a cancel when it rejects', async () => {
    const { findHost: find } = await importIn({ Deno: {} })
    const listener = newListener()
    find([request, info(Promise.reject('cut'))], {}).observe?.(listener, still)
    await turn()
    expect(listener.ends).toEqual([['cancelled', 'cut']])
  })

  it('is not looked for in a stream, nor in a HEAD', async () => {
    const { findHost: find } = await importIn({ Deno: {} })
    const given = info(Promise.resolve())
    const stream = newDenoResponse({ body: { streamOrStatic: new ReadableStream() } })
    expect(find([request, given], {}).observe?.(newListener(), stream)).toBe(false)
    expect(find([head, given], {}).observe?.(newListener(), still)).toBe(false)
  })

  it('leaves the signal of the request alone, which tells of a success too', async () => {
    const { findHost: find } = await importIn({ Deno: {} })
    expect(find([request, info(Promise.resolve())], {}).request).toEqual({ method: 'GET' })
    expect(find([request], {}).request).toBe(request)
  })

  it.each<[string, unknown, boolean]>([
    ['that is not made yet', { body: null }, true],
    ['of its own making', { body: { streamOrStatic: { consumed: false } } }, true],
    ['that is a stream', { body: { streamOrStatic: new ReadableStream() } }, false],
    ['that cannot be seen', {}, false],
    ['that is missing', null, false],
  ])('knows a body %s', async (_, inner, isKnown) => {
    const { findHost: find } = await importIn({ Deno: {} })
    const host = find([request, info(Promise.resolve())], {})
    expect(host.observe?.(newListener(), newDenoResponse(inner))).toBe(isKnown)
  })

  it('knows nothing of a response in which it cannot look', async () => {
    const { findHost: find } = await importIn({ Deno: {} })
    const host = find([request, info(Promise.resolve())], {})
    const other = Object.defineProperty(new Response('text'), Symbol('other'), { value: 1 })
    expect(host.observe?.(newListener(), other)).toBe(false)
    expect(host.observe?.(newListener(), 'text')).toBe(false)
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
  it('has come as soon as Bun has a body that is no stream', async () => {
    const { findHost: find } = await importIn({ Bun: { inspect } })
    const listener = newListener()
    const host = find([new Request(url)], {})
    expect(host.observe?.(listener, shown('Response (5 bytes) {'))).toBe(true)
    expect(listener.ends).toEqual([['closed', undefined]])
  })

  it('is a cancel when the client has gone by then', async () => {
    const { findHost: find } = await importIn({ Bun: { inspect } })
    const listener = newListener()
    const request = new Request(url, { signal: AbortSignal.abort('gone') })
    find([request], {}).observe?.(listener, shown('Response (5 bytes) {'))
    expect(listener.ends).toEqual([['cancelled', 'gone']])
  })

  it('needs no request', async () => {
    const { findHost: find } = await importIn({ Bun: { inspect } })
    const listener = newListener()
    find([], {}).observe?.(listener, shown('Response (5 bytes) {'))
    expect(listener.ends).toEqual([['closed', undefined]])
  })

  it.each(['Response (0 KB) {', 'Request (5 bytes) {'])(
    'is that of the body for %s',
    async (text) => {
      const { findHost: find } = await importIn({ Bun: { inspect } })
      expect(find([new Request(url)], {}).observe?.(newListener(), shown(text))).toBe(false)
    },
  )
})

describe('provideBackgroundTasks() below node:http', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

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
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const answered = fetch(`http://127.0.0.1:${port}/`)
    await turn()
    expect(witness.outcomes()).toEqual([])
    gate.open()
    expect(await (await answered).text()).toBe('body')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
    expect(isTouched).not.toHaveBeenCalled()
  })
})
