import { type Host, isResponse, type WrapOptions } from './after-response.ts'
import { cancelPatience, type EndListener } from './body-end.ts'
import { isStatic } from './static-body.ts'
import { bound, isWaitUntilHost } from './wait-until.ts'

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
  once(event: 'finish' | 'close', listener: () => void): this
}

/** The part of Deno's second argument used here. */
export interface DenoInfo {
  /** Settles when a stream has been sent, and for any other body when Deno has it. */
  readonly completed: Promise<unknown>
}

/** Any value, looked into without knowing what it is. */
interface Unknown {
  (): Unknown | undefined
  readonly [key: PropertyKey]: Unknown | undefined
}

/** Where a host keeps something, from the arguments of the handler on. */
type Probe = (first?: Unknown, second?: Unknown, third?: Unknown) => Unknown | undefined

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
  // srvx, h3, service workers. That of Next.js in the edge runtime and in a proxy throws.
  (event) => (event?.['nextUrl'] === undefined ? event : undefined),
  (_, context) => context, // @whatwg-node/server, Netlify
  (_, __, context) => context, // Workers
  (context) => context?.['executionCtx'], // Hono: a getter that throws where there is none
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
  readonly request: Host['request']
  readonly waitUntil: Host['waitUntil']
  readonly unreadTimeout: number | undefined
  readonly #response: NodeResponse | undefined
  readonly #deno: DenoInfo | undefined

  constructor(
    args: readonly unknown[],
    options: Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'>,
    current: unknown,
  ) {
    const request = find(args, requests, isRequest)
    this.waitUntil = options.waitUntil ?? findWaitUntil(args)
    this.unreadTimeout = options.unreadTimeout
    // One that is over is that of an earlier request, in whose context this handler is called.
    const isCurrent = isNodeResponse(current) && current.closed !== true
    this.#response = find(args, nodeResponses, isNodeResponse) ?? (isCurrent ? current : undefined)
    this.#deno = this.#response === undefined ? find(args, denoInfos, isDenoInfo) : undefined
    // Deno aborts the signal on success too, and prints a warning at whoever has looked at it.
    this.request = request && this.#deno ? { method: request.method } : request
  }

  observe(listener: EndListener, answer: unknown): boolean {
    const response = this.#response
    if (response !== undefined) return observeNode(response, this.request, listener, answer)
    if (this.request?.method === 'HEAD' || !isStatic(answer)) return false
    if (this.#deno !== undefined) return observeDeno(this.#deno, listener)
    const { signal } = this.request ?? {}
    // Bun tells nothing of its own: this is over as soon as Bun has it.
    if (signal?.aborted === true) listener.end('cancelled', signal.reason)
    else listener.end('closed')
    return true
  }
}

function findWaitUntil(args: readonly unknown[]): Host['waitUntil'] {
  const context = find(args, contexts, isWaitUntilHost)
  return context && bound(context)
}

function find<Found>(
  args: readonly unknown[],
  probes: readonly Probe[],
  is: (value: unknown) => value is Found,
): Found | undefined {
  for (const probe of probes) {
    try {
      const value: unknown = probe(...(args as Unknown[]))
      if (is(value)) return value
    } catch {
      // A getter that throws: absent.
    }
  }
  return undefined
}

function observeNode(
  response: NodeResponse,
  request: Host['request'],
  listener: EndListener,
  answer: unknown,
): boolean {
  const { stream } = response
  // Some adapters never close the stream of a HEAD on HTTP/2.
  if (stream !== undefined && request?.method === 'HEAD') return false
  // Heard, not asked for at the end: before Node 24 one that was ended and then cut says yes.
  let isFinished = response.writableFinished
  const tell = (): void => {
    const error = response.errored ?? stream?.errored
    // On HTTP/2 a response that was cut counts as finished too: only its code tells.
    if (isFinished && !stream?.rstCode) listener.end('closed')
    else if (error) listener.end('errored', error)
    else {
      const reason = new DOMException('The client went away', 'AbortError')
      listener.end('cancelled', reason)
      setTimeout(release, cancelPatience, answer, reason)
    }
  }
  if (response.closed ?? stream?.destroyed) tell()
  else response.once('finish', () => (isFinished = true)).once('close', tell)
  return true
}

/** Tells the source of a body that the host has left behind unread: nobody else will. */
async function release(answer: unknown, reason: unknown): Promise<void> {
  try {
    if (isResponse(answer) && answer.body?.locked === false) await answer.body.cancel(reason)
  } catch {
    // A source that fails while it is cancelled has nobody to tell.
  }
}

function observeDeno(info: DenoInfo, listener: EndListener): boolean {
  info.completed.then(
    () => listener.end('closed'),
    (reason: unknown) => listener.end('cancelled', reason),
  )
  return true
}

function isRequest(value: unknown): value is Request {
  // Not an event of h3, which has a method and headers too. Reading those, or the URL, would make a
  // static route of Next.js dynamic.
  const hasSignal = typeof value === 'object' && value !== null && 'signal' in value
  return hasSignal && has(value, 'method', 'string')
}

function isNodeResponse(value: unknown): value is NodeResponse {
  return has(value, 'writableFinished', 'boolean') && has(value, 'once', 'function')
}

function isDenoInfo(value: unknown): value is DenoInfo {
  return has(value, 'completed', 'object') && has(value, 'remoteAddr', 'object')
}

function has(value: unknown, key: string, type: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, key) === type
}
