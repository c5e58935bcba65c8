import { later } from '../util/later.ts'
import { startTimer } from '../util/timers.ts'
import type { Exchange } from './exchange.ts'
import type { Outcome } from './outcome.ts'
import { remake } from './remake.ts'
import type { Runtime } from './runtime.ts'

/** Milliseconds that a host has to cancel the body of a client that went away. */
const cancelPatience = 250

/** Of these a body, if there is one, is never sent. @see https://fetch.spec.whatwg.org/#null-body-status */
const nullBodyStatuses: ReadonlySet<number> = new Set([101, 103, 204, 205, 304])

export interface ObserveOptions {
  /** That of the request. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds. */
  readonly unreadTimeout?: number | undefined
}

/** The same response with a body that tells its end; or the same object, if it has no body. */
export function observeBody(
  response: Response,
  exchange: Exchange,
  runtime: Runtime,
  options: ObserveOptions,
): Response {
  // Headers before the body, or Hono's light response loses its implied content type; and once more
  // after it, since srvx's fast one has its own only then.
  void response.headers
  if (nullBodyStatuses.has(response.status)) return response
  const { body } = response
  if (body === null) return response
  if (body.locked || response.bodyUsed) {
    throw new TypeError(
      'Cannot wrap the response: its body is already read, wrap it before reading it',
    )
  }
  const source = new ObservedBody(body, response.headers, exchange, runtime, options)
  // Pulled, not piped: the source is asked for a chunk only when the reader asks, so nothing is
  // buffered here, and the end is seen only when the reader has taken the last chunk.
  const stream = new ReadableStream(source, { highWaterMark: 0 })
  const observed = (runtime.remake ?? remake)(response, stream, runtime)
  source.sent = { response: observed, stream }
  exchange.body = source
  return observed
}

class ObservedBody implements UnderlyingDefaultSource {
  // Declared, and there only where somebody needs it: very many of these may be waiting.
  /** Some runtimes ask for it, and then send a `content-length`, as they would without us. */
  declare expectedLength?: bigint | undefined
  /** What was made of it. */
  sent: { readonly response: Response; readonly stream: ReadableStream } | undefined
  readonly #reader: ReadableStreamDefaultReader
  #signal: AbortSignal | undefined
  readonly #unreadTimeout: number
  readonly #tellsCancel: boolean
  /** Until the end is told. */
  #exchange: Exchange | undefined
  /** Until it is cancelled: neither a chunk nor a close may follow then. */
  #controller: ReadableStreamDefaultController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #isTouched = false
  /** Whether the reader waits for more. */
  #isAsked = false
  /** Bytes to pass on until the reader has all that it was promised. */
  #remaining: number

  constructor(
    body: ReadableStream,
    headers: Headers,
    exchange: Exchange,
    { lengthOf, tellsCancel }: Runtime,
    { signal, unreadTimeout = 10_000 }: ObserveOptions,
  ) {
    this.#remaining = Number(headers.get('content-length') ?? Number.NaN)
    if (lengthOf !== undefined) this.expectedLength = lengthOf(body, headers)
    this.#reader = body.getReader()
    this.#exchange = exchange
    this.#unreadTimeout = unreadTimeout
    this.#tellsCancel = tellsCancel
    this.#watch()
    if (signal !== undefined) this.listen(signal)
  }

  /** Hears of a client that goes away; one signal is enough. */
  listen(signal: AbortSignal): void {
    if (this.#signal !== undefined || this.#exchange === undefined) return
    this.#signal = signal
    if (signal.aborted) this.handleEvent()
    else signal.addEventListener('abort', this)
  }

  start(controller: ReadableStreamDefaultController): void {
    this.#controller = controller
  }

  async pull(controller: ReadableStreamDefaultController): Promise<void> {
    this.#touch()
    this.#isAsked = true
    try {
      const { done, value } = await this.#reader.read()
      this.#isAsked = false
      if (done) this.#end('closed')
      if (this.#controller === undefined) return
      if (done) controller.close()
      else this.#pass(value, controller)
    } catch (error) {
      // A source that was given the request's signal, as a proxied fetch is, fails with its reason.
      const hasLeft = this.#signal?.aborted === true && error === this.#signal.reason
      this.#end(hasLeft ? 'cancelled' : 'errored', error)
      controller.error(error)
    }
  }

  #pass(chunk: unknown, controller: ReadableStreamDefaultController): void {
    controller.enqueue(chunk)
    this.#remaining -= chunk instanceof Uint8Array ? chunk.byteLength : Number.NaN
    if (!this.#tellsCancel && this.#exchange !== undefined) this.#watch()
  }

  cancel(reason: unknown): Promise<void> {
    this.#controller = undefined
    this.#end('cancelled', reason)
    return this.#reader.cancel(reason)
  }

  /** The client went away: the host has a moment to say so itself. */
  handleEvent(): void {
    if (this.#isTouched) setTimeout(() => this.#giveUp(), cancelPatience)
    else later(() => (this.#isTouched ? this.handleEvent() : this.#giveUp()))
  }

  #giveUp(): void {
    if (this.#exchange === undefined) return
    const reason: unknown = this.#signal?.reason
    this.#end('cancelled', reason)
    // A clone that is still read, a cache's for instance, gets the rest.
    if (this.sent !== undefined && this.sent.response.body !== this.sent.stream) return
    const controller = this.#controller
    this.#controller = undefined
    this.#reader.cancel(reason).catch(() => {})
    controller?.error(reason)
  }

  /** Nobody reads (on) within the timeout. A later read still gets its bytes. */
  #watch(): void {
    this.#timer = startTimer(() => this.#end('unread'), this.#unreadTimeout)
  }

  #touch(): void {
    this.#isTouched = true
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Tells the end, once, before the stream shows it: some polyfills cancel a stream they close. */
  #end(outcome: Outcome, reason?: unknown): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#exchange = undefined
    this.#signal?.removeEventListener('abort', this)
    this.#touch()
    // A client that knows the length hangs up on the last byte, before the source says that it is done.
    // By then the host has asked for more: before that it may hold what it was given.
    if (outcome === 'cancelled' && this.#isAsked && this.#remaining <= 0)
      exchange.bodyEnded('closed')
    else exchange.bodyEnded(outcome, reason)
  }
}
