import type { Host, WrapOptions } from './after-response.ts'
import type { EndListener } from './body-end.ts'

/** The part of a host's context used here. Workers, Netlify, srvx and service-worker events fit. */
export interface WaitUntilHost {
  /** Keeps the host alive until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
}

/** The part of a Node response used here, of `node:http` and of `node:http2`. */
export interface NodeResponse {
  readonly closed: boolean
  readonly writableFinished: boolean
  readonly errored?: Error | null
  /** Only on HTTP/2. */
  readonly stream?: { readonly rstCode?: number | undefined; readonly errored?: Error | null }
  once(event: 'close', listener: () => void): unknown
}

/** Any value, looked into without knowing what it is. */
interface Unknown {
  (): Unknown | undefined
  readonly [key: PropertyKey]: Unknown | undefined
}

/** Where a host keeps something, from the arguments of the handler on. */
type Probe = (first?: Unknown, second?: Unknown, third?: Unknown) => Unknown | undefined

const global = globalThis as unknown as Unknown

const requests: readonly Probe[] = [
  (request) => request, // fetch servers, Next.js
  (event) => event?.['request'], // React Router, Remix, SvelteKit, Astro, service workers
  (event) => event?.['req'], // h3
  (context) => context?.['req']?.['raw'], // Hono
]

const nodeResponses: readonly Probe[] = [
  (_, context) => context?.['res'], // @whatwg-node/server
  (_, env) => env?.['outgoing'], // @hono/node-server
  (request) => request?.['runtime']?.['node']?.['res'], // srvx, h3
  (context) => context?.['env']?.['outgoing'], // Hono on @hono/node-server
]

const contexts: readonly Probe[] = [
  (event) => event, // srvx, h3, service workers
  (_, context) => context, // @whatwg-node/server, Netlify
  (_, __, context) => context, // Workers
  (context) => context?.['executionCtx'], // Hono: a getter that throws where there is none
  (event) => event?.['platform']?.['ctx'], // SvelteKit on Workers
  (context) => context?.['locals']?.['cfContext'], // Astro on Workers
  (args) => args?.['context']?.['cloudflare']?.['ctx'], // React Router on Workers
  () => global[Symbol.for('@vercel/request-context')]?.['get']?.(),
  () => global[Symbol.for('@next/request-context')]?.['get']?.(),
  () => global[Symbol.for('@neondatabase/functions/request-context')]?.['get']?.(),
  () => global['EdgeRuntime'], // Supabase
  () => global['Bunny']?.['v1'],
]

/** What the arguments of the handler tell of its host. What `options` hold wins. */
export function findHost(
  args: readonly unknown[],
  options: Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'>,
): Host {
  return new FoundHost(args, options)
}

class FoundHost implements Host {
  readonly request: Request | undefined
  readonly waitUntil: Host['waitUntil']
  readonly unreadTimeout: number | undefined
  readonly #response: NodeResponse | undefined

  constructor(args: readonly unknown[], options: Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'>) {
    this.request = find(args, requests, isRequest)
    this.waitUntil = options.waitUntil ?? findWaitUntil(args)
    this.unreadTimeout = options.unreadTimeout
    this.#response = find(args, nodeResponses, isNodeResponse)
  }

  observe(listener: EndListener): boolean {
    const response = this.#response
    return response !== undefined && observeNode(response, this.request, listener)
  }
}

function findWaitUntil(args: readonly unknown[]): Host['waitUntil'] {
  const context = find(args, contexts, isWaitUntilHost)
  // Called as a method: Workers refuse a detached one.
  return context && ((promise) => context.waitUntil(promise))
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
  request: Request | undefined,
  listener: EndListener,
): boolean {
  const { stream } = response
  // Some adapters never close the stream of a HEAD on HTTP/2.
  if (stream !== undefined && request?.method === 'HEAD') return false
  const tell = (): void => {
    const error = response.errored ?? stream?.errored
    // On HTTP/2 a response that was cut counts as finished too: only its code tells.
    if (response.writableFinished && !stream?.rstCode) listener.end('closed')
    else if (error) listener.end('errored', error)
    else listener.end('cancelled', new DOMException('The client went away', 'AbortError'))
  }
  if (response.closed) tell()
  else response.once('close', tell)
  return true
}

function isRequest(value: unknown): value is Request {
  return has(value, 'method', 'string') && has(value, 'headers', 'object')
}

function isNodeResponse(value: unknown): value is NodeResponse {
  return has(value, 'writableFinished', 'boolean') && has(value, 'once', 'function')
}

function isWaitUntilHost(value: unknown): value is WaitUntilHost {
  return has(value, 'waitUntil', 'function')
}

function has(value: unknown, key: string, type: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, key) === type
}
