import type { Exchange } from '../response/exchange.ts'
import { isObject } from '../util/checks.ts'
import { handled } from '../util/report.ts'
import { isBun, isStaticOnBun } from './bun.ts'
import { type DenoInfo, isDenoInfo, isStaticOnDeno } from './deno.ts'
import {
  type Deadline,
  deadlineOfLambda,
  deadlineOfWorker,
  findPlatformDeadline,
  isLambdaContext,
} from './deadline.ts'
import { isWorker } from './workers.ts'
import { find } from './find.ts'
import { isNodeResponse, type NodeResponse, observeNode } from './node.ts'
import { places } from './table.ts'
import { isWaitUntilHost, type WaitUntilHost } from './wait-until.ts'

/** The part of a request used here. Its signal is left out where it tells nothing. */
export type HostRequest = Pick<Request, 'method'> & Partial<Pick<Request, 'signal'>>

/** What is known of the host of one request. */
export interface Host {
  readonly request?: HostRequest | undefined
  readonly unreadTimeout?: number | undefined
  /** What the host has of its own for this response, and is over with it. */
  readonly carrier?: object | undefined
  /** Whether it can be asked for the end long after the answer: then an empty list need not ask. */
  readonly tellsLate?: boolean
  /** Lets the host itself tell the end; false if it has nothing to tell for this answer. */
  observe?(exchange: Exchange, answer: unknown): boolean
}

/** The host that has called a handler, by the arguments that it passes. */
export class HandlerHost implements Host {
  readonly unreadTimeout: number | undefined
  readonly nodeResponse: NodeResponse | undefined
  readonly #args: readonly unknown[]
  readonly #deno: DenoInfo | undefined
  readonly #completed: Promise<unknown> | undefined

  /** @param current The Node response that is known without the arguments. */
  constructor(args: readonly unknown[], unreadTimeout: number | undefined, current?: unknown) {
    // One that is over is that of an earlier request, in whose context this handler is called.
    const isCurrent = isNodeResponse(current) && current.closed !== true
    this.unreadTimeout = unreadTimeout
    this.#args = args
    this.nodeResponse =
      find(places.nodeResponse, args, isNodeResponse) ?? (isCurrent ? current : undefined)
    if (this.nodeResponse !== undefined) return
    this.#deno = find(places.denoInfo, args, isDenoInfo)
    // Now: first asked for when the request is over, it never settles. And it may reject unheard.
    this.#completed = this.#deno && handled(this.#deno.completed)
  }

  get tellsLate(): boolean {
    return this.nodeResponse !== undefined
  }

  get carrier(): object | undefined {
    return this.nodeResponse ?? this.#deno
  }

  /** Looked for when somebody asks: where the host tells the end, nobody does. */
  get request(): HostRequest | undefined {
    const request = find(places.request, this.#args, isRequest)
    // Deno aborts the signal on success too, and prints a warning at whoever has looked at it.
    return request && this.#deno ? { method: request.method } : request
  }

  /** What has a `waitUntil`: for this request, or, on Node.js, for all of an adapter. */
  get context(): WaitUntilHost | undefined {
    const probes = this.nodeResponse === undefined ? places.context : places.nodeContext
    return find(probes, this.#args, isWaitUntilHost)
  }

  /** When the platform ends what is left, where that is known. */
  get deadline(): Deadline | undefined {
    if (this.nodeResponse !== undefined) return undefined
    const lambda = find(places.lambdaContext, this.#args, isLambdaContext)
    if (lambda !== undefined) return deadlineOfLambda(lambda)
    return (isWorker && deadlineOfWorker(this.context)) || findPlatformDeadline()
  }

  observe(exchange: Exchange, answer: unknown): boolean {
    if (this.nodeResponse !== undefined) {
      // Some adapters never close the stream of a HEAD on HTTP/2.
      if (this.nodeResponse.stream !== undefined && this.request?.method === 'HEAD') return false
      observeNode(this.nodeResponse, exchange)
      return true
    }
    const { method, signal } = this.request ?? {}
    // Looking at a response of Bun may add a header, which it sends with a HEAD alone.
    if (method === 'HEAD' || !(answer instanceof Response)) return false
    if (this.#completed !== undefined && isStaticOnDeno(answer)) {
      observePromise(this.#completed, exchange)
      return true
    }
    if (!isBun || !isStaticOnBun(answer)) return false
    // Bun tells nothing of its own: this is over as soon as Bun has it.
    exchange.end(signal?.aborted === true ? 'cancelled' : 'closed', signal?.reason)
    return true
  }
}

/** Hears a promise for the end of the response. */
export function observePromise(completed: PromiseLike<unknown>, exchange: Exchange): void {
  completed.then(
    () => exchange.end('closed'),
    (reason: unknown) => exchange.end('cancelled', reason),
  )
}

function isRequest(value: unknown): value is Request {
  // Not an event of h3, which has a method and headers too. Reading those, or the URL, would make a
  // static route of Next.js dynamic.
  return (
    isObject(value) && 'signal' in value && 'method' in value && typeof value.method === 'string'
  )
}
