import { type Host, isResponse, observePromise, type WrapOptions } from './after-response.ts'
import { cancelPatience, type EndListener } from './body-end.ts'
import { find, type Probe } from './find.ts'
import { isStatic } from './static-body.ts'
import { bound, findGlobalWaitUntil, isWaitUntilHost } from './wait-until.ts'

/** The part of a Node response used here, of `node:http` and of `node:http2`. */
export interface NodeResponse {
  /** Not on HTTP/2. */
  readonly closed?: boolean
  readonly writableFinished: boolean
  readonly errored?: Error | null
  /** Only on HTTP/2. */
  readonly stream?: {
    readonly destroyed: boolean
    readonly rstCode?: number | undefined
    readonly errored?: Error | null
  }
  on(event: 'finish' | 'close', listener: () => void): this
}

/** The part of Deno's second argument used here. */
export interface DenoInfo {
  /** Settles when a stream has been sent, and for any other body when Deno has it. */
  readonly completed: Promise<unknown>
}

const requests: readonly Probe[] = [
  (request) => request, // fetch servers, Next.js
  (event) => event?.['request'], // React Router, Remix, SvelteKit, Astro, service workers
  (event) => event?.['req'], // h3
  (context) => context?.['req']?.['raw'], // Hono
  (input) => input?.['event']?.['request'], // SvelteKit's handle
]

const nodeResponses: readonly Probe[] = [
  (_, context) => context?.['res'], // @whatwg-node/server
  (_, env) => env?.['outgoing'], // @hono/node-server
  (request) => request?.['runtime']?.['node']?.['res'], // srvx, h3
  (context) => context?.['env']?.['outgoing'], // Hono on @hono/node-server
]

const denoInfos: readonly Probe[] = [
  (_, info) => info, // Deno
  (context) => context?.['env'], // Hono on Deno
  (request) => request?.['runtime']?.['deno']?.['info'], // srvx, h3
]

const contexts: readonly Probe[] = [
  // srvx, service workers. That of Next.js in the edge runtime and in a proxy throws, and that of an
  // event of h3 does nothing where its request has none.
  (event) => (event?.['nextUrl'] === undefined ? (event?.['req'] ?? event) : undefined),
  (_, context) => context, // @whatwg-node/server, Netlify
  (_, __, context) => context, // Workers
  // Hono: a getter that throws where there is none, and a throw costs as much as all of this.
  (context) => (context?.['env']?.['outgoing'] ? undefined : context?.['executionCtx']),
  (event) => event?.['platform']?.['ctx'], // SvelteKit on Workers
  (input) => input?.['event']?.['platform']?.['ctx'],
  (context) => context?.['locals']?.['cfContext'], // Astro on Workers
  (args) => args?.['context']?.['cloudflare']?.['ctx'], // React Router on Workers
]

/**
 * What the arguments of the handler tell of its host. What `options` hold wins.
 *
 * @param current The Node response that is known without them.
 */
export function findHost(
  args: readonly unknown[],
  options: Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'>,
  current?: unknown,
): Host {
  return new FoundHost(args, options, current)
}

class FoundHost implements Host {
  readonly waitUntil: Host['waitUntil']
  readonly unreadTimeout: number | undefined
  readonly exchange: Host['exchange']
  readonly #args: readonly unknown[]
  readonly #response: NodeResponse | undefined
  readonly #deno: DenoInfo | undefined

  constructor(
    args: readonly unknown[],
    options: Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'>,
    current: unknown,
  ) {
    // The platform before an adapter that runs on it.
    this.waitUntil =
      options.waitUntil ?? findGlobalWaitUntil() ?? bound(find(contexts, args, isWaitUntilHost))
    this.unreadTimeout = options.unreadTimeout
    // One that is over is that of an earlier request, in whose context this handler is called.
    const isCurrent = isNodeResponse(current) && current.closed !== true
    this.#args = args
    this.#response = find(nodeResponses, args, isNodeResponse) ?? (isCurrent ? current : undefined)
    this.#deno = this.#response === undefined ? find(denoInfos, args, isDenoInfo) : undefined
    this.exchange = this.#response ?? this.#deno
  }

  /** Looked for when somebody asks: where the host tells the end, nobody does. */
  get request(): Host['request'] {
    const request = find(requests, this.#args, isRequest)
    // Deno aborts the signal on success too, and prints a warning at whoever has looked at it.
    return request && this.#deno ? { method: request.method } : request
  }

  observe(listener: EndListener, answer: unknown): boolean {
    if (this.#response !== undefined) return this.#observeNode(this.#response, listener, answer)
    const { method, signal } = this.request ?? {}
    // Looking at a response of Bun may add a header, which it sends with a HEAD alone.
    if (method === 'HEAD' || !isStatic(answer)) return false
    if (this.#deno !== undefined) return observePromise(this.#deno.completed, listener)
    // Bun tells nothing of its own: this is over as soon as Bun has it.
    if (signal?.aborted === true) listener.end('cancelled', signal.reason)
    else listener.end('closed')
    return true
  }

  #observeNode(response: NodeResponse, listener: EndListener, answer: unknown): boolean {
    const { stream } = response
    // Some adapters never close the stream of a HEAD on HTTP/2.
    if (stream !== undefined && this.request?.method === 'HEAD') return false
    // Heard, not asked for at the end: before Node 24 one that was ended and then cut says yes.
    let isFinished = response.writableFinished
    const tell = (): void => {
      const error = response.errored ?? stream?.errored
      // On HTTP/2 a response that was cut counts as finished too: only its code tells.
      if (isFinished && !stream?.rstCode) listener.end('closed')
      else if (error) listener.end('errored', error)
      else endCancelled(listener, answer, new DOMException('The client went away', 'AbortError'))
    }
    if (response.closed ?? stream?.destroyed) tell()
    else response.on('finish', () => (isFinished = true)).on('close', tell)
    return true
  }
}

/** The client has left, and perhaps the body with it. */
export function endCancelled(listener: EndListener, answer: unknown, reason: unknown): void {
  listener.end('cancelled', reason)
  setTimeout(release, cancelPatience, answer, reason)
}

/** Tells the source of a body that the host has left behind unread: nobody else will. */
async function release(answer: unknown, reason: unknown): Promise<void> {
  try {
    if (isResponse(answer) && !isLight(answer) && answer.body?.locked === false) {
      await answer.body.cancel(reason)
    }
  } catch {
    // A source that fails while it is cancelled has nobody to tell.
  }
}

/**
 * Whether it is a response of @hono/node-server that nobody has looked at. That may be a constant, and
 * looking makes a body for it that can be read only once; a stream in it Hono cancels itself.
 */
function isLight(response: Response): boolean {
  return Object.getOwnPropertySymbols(response).some(({ description }) => description === 'cache')
}

function isRequest(value: unknown): value is Request {
  // Not an event of h3, which has a method and headers too. Reading those, or the URL, would make a
  // static route of Next.js dynamic.
  return isObject(value) && 'signal' in value && typeof value.method === 'string'
}

function isNodeResponse(value: unknown): value is NodeResponse {
  return (
    isObject(value) && typeof value.writableFinished === 'boolean' && typeof value.on === 'function'
  )
}

function isDenoInfo(value: unknown): value is DenoInfo {
  // Not looked at: each is made by its getter.
  return isObject(value) && 'completed' in value && 'remoteAddr' in value
}

/** Any object, for the properties that one of the above may have. */
type Candidate = Partial<Record<'method' | keyof NodeResponse, unknown>>

function isObject(value: unknown): value is Candidate {
  return typeof value === 'object' && value !== null
}
