import { slot } from './bag.ts'
import { type Expiring, unwatch, watch } from './deadlines.ts'
import { decodedHeaders } from './decoded-headers.ts'
import { isWorker, nextMacrotask } from './platform.ts'

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

/** Hears how the body ended; the first call counts. */
export interface EndListener {
  end(outcome: Outcome, reason?: unknown): void
}

/** Milliseconds that a host has to cancel the body of a client that went away. */
export const cancelPatience = 250

/** The same response with a body that tells its end. */
export function observeEnd(
  response: Response,
  listener: EndListener,
  request?: { readonly signal?: AbortSignal },
  unreadTimeout = 10_000,
): Response {
  // Headers before the body, or Hono's light response loses its implied content type; and once more
  // after it, since srvx's fast one has its own only then.
  void response.headers
  const { status, statusText, body } = response
  if (body === null) return response
  const headers = decodedHeaders(response)
  if (body.locked || response.bodyUsed) {
    throw new TypeError(
      'Cannot wrap the response: its body is already read, wrap it before reading it',
    )
  }
  const observed = new ReadableStream(
    new ObservedBody(body, listener, request?.signal, unreadTimeout),
    {
      // Pulled, not piped: the source is asked for a chunk only when the reader asks, so nothing is
      // buffered here, and the end is seen only when the reader has taken the last chunk.
      highWaterMark: 0,
    },
  )
  return new Response(observed, {
    status,
    headers,
    // An empty one makes some hosts send an empty reason phrase.
    ...(statusText === '' ? undefined : { statusText }),
  })
}

class ObservedBody implements UnderlyingDefaultSource, Expiring {
  // Declared, and there only where somebody needs them: very many of these may be waiting.
  /** Workers ask for it, and then send a `content-length`, as they would without us. */
  declare expectedLength?: bigint | undefined
  /** On Workers, where it counts after each chunk. */
  declare unreadTimeout?: number
  declare timer?: ReturnType<typeof setTimeout>;
  [slot]?: number
  deadline = 0
  readonly #reader: ReadableStreamDefaultReader
  readonly #signal: AbortSignal | undefined
  #listener: EndListener | undefined
  /** Until it is cancelled: neither a chunk nor a close may follow then. */
  #controller: ReadableStreamDefaultController | undefined
  #isTouched = false

  constructor(
    body: ReadableStream,
    listener: EndListener,
    signal: AbortSignal | undefined,
    unreadTimeout: number,
  ) {
    if (isWorker) {
      this.expectedLength = lengthOf(body)
      this.unreadTimeout = unreadTimeout
    }
    this.#reader = body.getReader()
    this.#listener = listener
    this.#signal = signal
    watch(this, unreadTimeout)
    if (signal?.aborted === true) this.handleEvent()
    else signal?.addEventListener('abort', this)
  }

  start(controller: ReadableStreamDefaultController): void {
    this.#controller = controller
  }

  async pull(controller: ReadableStreamDefaultController): Promise<void> {
    this.#touch()
    try {
      const { done, value } = await this.#reader.read()
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
    const { unreadTimeout } = this
    // A Worker is not told when its client goes away now: the next chunk is then never asked for.
    if (unreadTimeout !== undefined && this.#listener !== undefined) watch(this, unreadTimeout)
  }

  cancel(reason: unknown): Promise<void> {
    this.#controller = undefined
    this.#end('cancelled', reason)
    return this.#reader.cancel(reason)
  }

  /** Nobody has read (on) within the timeout. A later read still gets its bytes. */
  expire(): void {
    this.#end('unread')
  }

  /** The client went away: the host has a moment to say so itself. */
  handleEvent(): void {
    if (this.#isTouched) setTimeout(() => this.#giveUp(), cancelPatience)
    else nextMacrotask({ run: () => (this.#isTouched ? this.handleEvent() : this.#giveUp()) })
  }

  #giveUp(): void {
    const reason: unknown = this.#signal?.reason
    const controller = this.#controller
    if (this.#listener === undefined) return
    this.#controller = undefined
    this.#end('cancelled', reason)
    this.#reader.cancel(reason).catch(() => {})
    controller?.error(reason)
  }

  #touch(): void {
    if (this.#isTouched && !isWorker) return
    this.#isTouched = true
    unwatch(this)
  }

  /** Tells the end, once, before the stream shows it: some polyfills cancel a stream they close. */
  #end(outcome: Outcome, reason?: unknown): void {
    const listener = this.#listener
    if (listener === undefined) return
    this.#listener = undefined
    this.#signal?.removeEventListener('abort', this)
    this.#touch()
    listener.end(outcome, reason)
  }
}

/**
 * A Worker sends a stream of unknown length in chunks, whatever its `content-length` says. The length
 * that a body has of its own is behind a symbol there, for `console.log` to show.
 */
function lengthOf(body: ReadableStream): bigint | undefined {
  for (const symbol of Object.getOwnPropertySymbols(Object.getPrototypeOf(body))) {
    if (symbol.description !== 'length') continue
    const length: unknown = Reflect.get(body, symbol)
    return typeof length === 'bigint' ? length : undefined
  }
  return undefined
}
