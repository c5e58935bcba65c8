import { type Job, nextMacrotask } from '#platform'
import type { BackgroundTasks } from './background-tasks.ts'
import { type EndListener, observeEnd, type Outcome } from './body-end.ts'
import { checkMilliseconds, isThenable, kindOf } from './errors.ts'
import { track, untrack } from './in-flight.ts'
import { begin, hasEnded, isIdle, state, trigger, type Work } from './process-state.ts'
import { findGlobalWaitUntil } from './wait-until.ts'

/** What the host offers to {@link BackgroundTasks.wrap}. */
export interface WrapOptions {
  /** The request being answered: lets `HEAD` and an early disconnect be seen. */
  request?: Request
  /**
   * The host's `waitUntil`, bound to its object. Called once, before `wrap` returns, with a promise
   * that never rejects.
   *
   * @default that of the platform, where code can find one by itself: Workers, Vercel, Next.js, Neon,
   * Supabase, Bunny
   */
  waitUntil?: (promise: Promise<unknown>) => void
  /**
   * The host's own signal for the end of the response: the body is then left untouched. Fulfilled
   * counts as `'closed'`, rejected as `'cancelled'`.
   */
  completed?: Promise<unknown>
  /**
   * Milliseconds until a body that nobody touches counts as `'unread'`.
   *
   * @default 10_000
   */
  unreadTimeout?: number
}

/** The part of a request used here. Its signal is left out where it tells nothing. */
export type HostRequest = Pick<Request, 'method'> & Partial<Pick<Request, 'signal'>>

/** What is known of the host of one request. */
export interface Host {
  readonly request?: HostRequest | undefined
  readonly unreadTimeout?: number | undefined
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined
  /** Subscribes to the host's own end of the response; false if it has none for this one. */
  observe?(listener: EndListener, response: unknown): boolean
}

/** Which response carries which work, for a second wrap of the same one. */
const triggers = new WeakMap<Response, Trigger>()

/** Starts `work` after `response`, or after the response of the request it belongs to. */
export function afterResponse(work: Work, response: Response, options: WrapOptions): Response {
  checkOptions(response, options)
  const { request, waitUntil, completed, unreadTimeout } = options
  if (requestList() === work || joinRequest(work)) {
    waitUntil?.(work.finished)
    return response
  }
  const sent = bind(work, response, {
    request,
    unreadTimeout,
    observe: (listener) => completed !== undefined && observePromise(completed, listener),
  })
  hold(work, waitUntil)
  return sent
}

/** Tells the host to stay alive until the work has ended. */
export function hold(work: Work, waitUntil: WrapOptions['waitUntil']): void {
  const holder = waitUntil ?? findGlobalWaitUntil()
  holder?.(work.finished)
}

/** The list of the request being handled, where there is a provider and the request is not over. */
export function requestList(): BackgroundTasks | undefined {
  const list = state.lists?.getStore()
  return list?.[hasEnded] === false ? list : undefined
}

/** Hands the work to the list of the request being handled, if that is another one. */
export function joinRequest(work: Work): boolean {
  const list = requestList()
  if (list === undefined || list === work) return false
  list.addTask(work as BackgroundTasks)
  return true
}

/** Ties the work to the end of `response` on a host that has been looked at. */
export function bind(work: Work, response: Response, host: Host): Response {
  const end = new Trigger(work, triggers.get(response))
  let sent = response
  if (host.observe?.(end, response) !== true) {
    // A host reads, cancels or ignores the body of a HEAD, and looking at it changes it.
    if (host.request?.method !== 'HEAD') {
      sent = observeEnd(response, end, host.request, host.unreadTimeout)
    }
    // Frameworks answer a request whose client has left with no body.
    const { aborted = false, reason } = host.request?.signal ?? {}
    if (sent === response) end.end(aborted ? 'cancelled' : 'closed', reason)
    // Any other response may be a constant that many requests share.
    else triggers.set(sent, end)
  }
  end.arm()
  return sent
}

/** Starts `work` in a later macrotask, as after a response that has ended with `outcome`. */
export function startSoon(work: Work, outcome: Outcome, reason?: unknown): void {
  const end = new Trigger(work)
  end.arm()
  end.end(outcome, reason)
}

/** Lets the end of a response start its work: once, later, and in the context it was created in. */
export class Trigger implements EndListener, Job {
  readonly #work: Work
  #inner: Trigger | undefined
  #resume: (() => void) | undefined
  #outcome: Outcome | undefined
  #reason: unknown

  constructor(work: Work, inner?: Trigger) {
    this.#work = work
    this.#inner = inner
    // A continuation keeps the async context of this moment, on every host.
    void new Promise<void>((resolve) => (this.#resume = resolve)).then(() => this.#start())
  }

  /** Makes this the one that starts the work. */
  arm(): void {
    const work = this.#work
    work[trigger] = this
    if (work[isIdle]) untrack(work)
    else track(work)
  }

  end(outcome: Outcome, reason?: unknown): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#reason = reason
    // The response that this one was made of is over too, even if the host never touched it.
    this.#inner?.end(outcome, reason)
    nextMacrotask(this)
  }

  run(): void {
    this.#resume?.()
  }

  #start(): void {
    let inner = this.#inner
    while (inner !== undefined && !inner.#decides) inner = inner.#inner
    this.#inner = undefined
    if (inner === undefined) this.#begin()
    else void inner.#work.finished.then(() => this.#begin())
  }

  #begin(): void {
    if (this.#decides) this.#work[begin](this.#outcome ?? 'closed', this.#reason)
  }

  get #decides(): boolean {
    return this.#work[trigger] === this
  }
}

function observePromise(completed: Promise<unknown>, listener: EndListener): boolean {
  completed.then(
    () => listener.end('closed'),
    (reason: unknown) => listener.end('cancelled', reason),
  )
  return true
}

function checkOptions(response: unknown, options: WrapOptions): void {
  if (!isResponse(response)) {
    throw new TypeError(
      `Cannot wrap the response: it is ${kindOf(response)}, pass the Response of the handler`,
    )
  }
  const { waitUntil, completed, unreadTimeout } = options
  if (waitUntil !== undefined && typeof waitUntil !== 'function') {
    throw new TypeError(
      `Cannot wrap the response: waitUntil is ${kindOf(waitUntil)}, pass a function`,
    )
  }
  if (completed !== undefined && !isThenable(completed)) {
    throw new TypeError(
      `Cannot wrap the response: completed is ${kindOf(completed)}, pass a promise`,
    )
  }
  checkMilliseconds('wrap the response', 'unreadTimeout', unreadTimeout)
}

/** True for the Response of any implementation, without touching what touching changes. */
export function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true
  // Ponyfills have a class of their own with the same tag; a plain object has not.
  return Object.prototype.toString.call(value) === '[object Response]'
}
