/**
 * How the response that carried the tasks ended: what its body did, never that the client has
 * received it.
 *
 * - `'closed'`: the body was read to its end, or there was none to read.
 * - `'cancelled'`: the reader gave up, because the client went away.
 * - `'errored'`: the source of the body failed.
 * - `'unread'`: nobody touched the body within `unreadTimeout`.
 * - `'thrown'`: the handler threw an error instead of returning a response.
 */
export type Outcome = 'closed' | 'cancelled' | 'errored' | 'unread' | 'thrown'

export const outcomes: readonly Outcome[] = ['closed', 'cancelled', 'errored', 'unread', 'thrown']

/** What of an answer was sent before its body. */
export type ResponseHead = Pick<Response, 'ok' | 'status' | 'headers'>

/** How a response ended, and what had been answered. */
export interface ResponseEnd {
  /** How it ended. */
  readonly outcome: Outcome
  /** Why it was cancelled or failed, or what the handler threw. */
  readonly reason: unknown
  /**
   * The head of what was answered: of a thrown `Response` too, and of an answer that is thrown
   * without one (`redirect()` and `notFound()` of Next.js, `redirect()` of SvelteKit) its status.
   * `undefined` for an error, after `run()`, and where no `Response` was answered (a server action,
   * the data of a loader). Of a list that joined another one: the head of the outermost response.
   */
  readonly response: ResponseHead | undefined
}

export class End implements ResponseEnd {
  readonly outcome: Outcome
  readonly reason: unknown
  readonly #head: ResponseHead | undefined

  constructor(outcome: Outcome, reason?: unknown, head?: ResponseHead) {
    this.outcome = outcome
    this.reason = reason
    this.#head = head
  }

  get response(): ResponseHead | undefined {
    return this.#head
  }
}
