import type { Exchange } from '../response/exchange.ts'
import { isObject } from '../util/checks.ts'
import { handled } from '../util/report.ts'
import { isBun, isStaticOnBun } from './bun.ts'
import {
  type Deadline,
  deadlineOfLambda,
  deadlineOfWorker,
  findPlatformDeadline,
  isLambdaContext,
} from './deadline.ts'
import { type DenoInfo, isDenoInfo, isStaticOnDeno } from './deno.ts'
import { find } from './find.ts'
import { bytesBefore, isNodeResponse, type NodeResponse, observeNode } from './node.ts'
import { type Places, placesOfFetch, placesOfFrameworks } from './table.ts'
import { isWaitUntilHost, type WaitUntilHost } from './wait-until.ts'
import { isWorker } from './workers.ts'

/**
 * The part of a request used here. Its signal is left out on Deno, which aborts it on success too, and
 * prints a warning at whoever has looked at it.
 */
export type HostRequest = Pick<Request, 'method'> & Partial<Pick<Request, 'signal'>>

/** Tells how a response ends, or has ended. */
export interface Teller {
  tell(exchange: Exchange): void
}

/** What is known of the host of one request. */
export interface Host {
  readonly request?: HostRequest | undefined
  readonly unreadTimeout?: number | undefined
  /** What the host has of its own for this response, and is over with it. */
  readonly carrier?: object | undefined
  /** What lets the host itself tell the end, if it has something to tell of this answer. */
  teller?(answer: unknown): Teller | undefined
}

/** The host that has called a handler, by the arguments that it passes. */
export class HandlerHost implements Host, Teller {
  readonly unreadTimeout: number | undefined
  readonly nodeResponse: NodeResponse | undefined
  readonly #args: readonly unknown[]
  readonly #places: Places
  readonly #deno: DenoInfo | undefined
  readonly #completed: Promise<unknown> | undefined
  /** Bytes that were out when the handler returned: a task may be added later. */
  #before = Number.NaN

  /** @param current The Node response that is known without the arguments. */
  constructor(args: readonly unknown[], unreadTimeout: number | undefined, current?: unknown) {
    // One that is over is that of an earlier request, in whose context this handler is called.
    const isCurrent = isNodeResponse(current) && current.closed !== true
    this.unreadTimeout = unreadTimeout
    this.#args = args
    this.#places = hasFormOfRequest(args[0]) ? placesOfFetch : placesOfFrameworks
    this.nodeResponse =
      find(this.#places.nodeResponse, args, isNodeResponse) ?? (isCurrent ? current : undefined)
    if (this.nodeResponse !== undefined) return
    this.#deno = find(this.#places.denoInfo, args, isDenoInfo)
    // Now: first asked for when the request is over, it never settles. And it may reject unheard.
    this.#completed = this.#deno && handled(this.#deno.completed)
  }

  get carrier(): object | undefined {
    return this.nodeResponse ?? this.#deno
  }

  /** Looked for when somebody asks: where the host tells the end, nobody does. */
  get request(): HostRequest | undefined {
    const request = find(this.#places.request, this.#args, isRequest)
    return request && this.#deno ? { method: request.method } : request
  }

  /** What has a `waitUntil`: for this request, or, on Node.js, for all of an adapter. */
  get context(): WaitUntilHost | undefined {
    return find(this.#places.context, this.#args, isWaitUntilHost)
  }

  /** When the platform ends what is left, where that is known. */
  get deadline(): Deadline | undefined {
    const lambda = find(this.#places.lambdaContext, this.#args, isLambdaContext)
    if (lambda !== undefined) return deadlineOfLambda(lambda)
    // Not of what is called by a clock or a queue: that has a limit of its own.
    const ofWorker = isWorker && this.request && deadlineOfWorker(this.context)
    return ofWorker || findPlatformDeadline()
  }

  teller(answer: unknown): Teller | undefined {
    const { nodeResponse } = this
    if (nodeResponse !== undefined) {
      // Some adapters never close the stream of a HEAD on HTTP/2.
      if (nodeResponse.stream !== undefined)
        return this.request?.method === 'HEAD' ? undefined : this
      this.#before = bytesBefore(nodeResponse)
      return this
    }
    const completed = this.#completed
    if (!(answer instanceof Response)) return undefined
    if (completed !== undefined && isStaticOnDeno(answer)) return tellerOf(completed)
    // Looking at a response of Bun may add a header, which it sends with a HEAD alone.
    if (!isBun || this.request?.method === 'HEAD' || !isStaticOnBun(answer)) return undefined
    return this
  }

  tell(exchange: Exchange): void {
    if (this.nodeResponse !== undefined) {
      observeNode(this.nodeResponse, exchange, this.#before)
      return
    }
    // Bun tells nothing of its own: this is over as soon as Bun has it.
    const { aborted = false, reason } = this.request?.signal ?? {}
    exchange.end(aborted ? 'cancelled' : 'closed', reason)
  }
}

/** Hears a promise for the end of the response. */
export function tellerOf(completed: PromiseLike<unknown>): Teller {
  return {
    tell: (exchange) =>
      void completed.then(
        () => exchange.end('closed'),
        (reason: unknown) => exchange.end('cancelled', reason),
      ),
  }
}

/** That of a `force-static` route of Next.js throws when its method is read. */
function hasFormOfRequest(value: unknown): value is { readonly method: unknown } {
  return isObject(value) && 'signal' in value && 'method' in value
}

function isRequest(value: unknown): value is Request {
  // Not an event of h3, which has a method and headers too. Reading those, or the URL, would make a
  // static route of Next.js dynamic.
  return hasFormOfRequest(value) && typeof value.method === 'string'
}
