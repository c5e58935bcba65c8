import type { BackgroundTasks } from './background-tasks.ts'
import { type EndListener, observeEnd, type Outcome } from './body-end.ts'
import { continuation } from './continuation.ts'
import {
  checkFunction,
  checkMilliseconds,
  checkObject,
  isThenable,
  kindOf,
  refuse,
  report,
} from './errors.ts'
import { track, untrack } from './in-flight.ts'
import { type Job, nextMacrotask } from './platform.ts'
import {
  type Conditions,
  ended,
  execute,
  hasEnded,
  isIdle,
  state,
  trigger,
  type Work,
} from './process-state.ts'
import { findGlobalWaitUntil, warnOnWorker } from './wait-until.ts'

/** What the host offers to {@link BackgroundTasks.wrap}. */
export interface WrapOptions {
  /** The request being answered: lets `HEAD` and an early disconnect be seen. */
  request?: Request
  /**
   * The host's `waitUntil`, bound to its object. Called once, before `wrap` returns and, where there
   * is a handler, before that is called, with a promise that never rejects.
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
   * Milliseconds, above 0, until a body that nobody touches counts as `'unread'`. It can be read
   * after that all the same.
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
  /** What the host has of its own for the exchange, and is over with it. */
  readonly exchange?: Exchange | undefined
  /** Subscribes to the host's own end of the response; false if it has none for this one. */
  observe?(listener: EndListener, response: unknown): boolean
}

/**
 * Which response on its way carries which work, for a second wrap of the same one. Not weak: each
 * response has its end, and is forgotten then.
 */
const triggers = new Map<object, Trigger>()

/** The same where the host tells the end: there a look into a map would be felt in every request. */
const carried: unique symbol = Symbol('background-tasks')
type Exchange = object & { [carried]?: Trigger | undefined }

/** Starts `work` after `response`, or after the response of the request it belongs to. */
export function afterResponse(work: Work, response: Response, options: WrapOptions): Response {
  if (!isResponse(response)) {
    const advice = 'pass the Response of the handler'
    refuse('wrap the response', `it is ${kindOf(response)}`, advice)
  }
  checkOptions('wrap the response', options)
  const { request, waitUntil, completed, unreadTimeout } = options
  if (requestList() === work || work[trigger] === handling || joinRequest(work)) {
    if (waitUntil !== undefined) hold(work, waitUntil)
    return response
  }
  const sent = bind(work, response, {
    request,
    unreadTimeout,
    observe: (listener) => completed !== undefined && observePromise(completed, listener),
  })
  hold(work, waitUntil ?? findGlobalWaitUntil())
  return sent
}

/** Tells the host to stay alive until the work has ended. */
export function hold(work: Work, waitUntil: WrapOptions['waitUntil']): void {
  if (waitUntil === undefined) return warnOnWorker()
  try {
    const returned: unknown = waitUntil(work[ended])
    if (isThenable(returned)) void Promise.resolve(returned).catch(reportUnheld)
  } catch (cause) {
    reportUnheld(cause)
  }
}

/** The tasks run without it, for as long as the host lives. */
function reportUnheld(cause: unknown): void {
  const advice = 'call it while the request is handled'
  report(
    new Error(`Cannot keep the host alive for the tasks: its waitUntil failed, ${advice}`, {
      cause,
    }),
  )
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

/** The trigger of a list whose handler is running: only what that returns decides when it starts. */
export const handling: object = {}

/** Ties the work to the end of what a handler answers, on a host that has been looked at. */
export function bind(work: Work, answer: Response, host: Host): Response
export function bind(work: Work, answer: unknown, host: Host): unknown
export function bind(work: Work, answer: unknown, host: Host): unknown {
  const response = isResponse(answer) ? answer : undefined
  const { exchange } = host
  const lead = exchange?.[carried]?.leading(answer)
  // One that has begun is not there: a response without a body may be a constant.
  // Of two requests that share a response without a body, neither waits for the other.
  const asked = exchange === undefined ? host.request : undefined
  const inner = lead ?? (response && triggers.get(response)?.inside(asked))
  const end = new Trigger(work, inner)
  let sent: unknown = answer
  if (lead !== undefined || host.observe?.(end, answer) === true) {
    end.observe(answer, lead)
  } else {
    const request = asked ?? host.request
    // A host reads, cancels or ignores the body of a HEAD, and looking at it changes it.
    if (response && request?.method !== 'HEAD') {
      sent = observeEnd(response, end, request, host.unreadTimeout)
    }
    // Frameworks answer a request whose client has left with no body.
    const { aborted = false, reason } = request?.signal ?? {}
    if (sent === answer) end.end(aborted ? 'cancelled' : 'closed', reason)
  }
  if (end.isObserved && exchange !== undefined) end.staysWith(exchange)
  else if (isResponse(sent)) end.isCarriedBy(sent, sent === answer ? asked : undefined)
  work[trigger] = end
  if (work[isIdle]) untrack(work)
  else track(work)
  return sent
}

/** Lets the end of a response start its work: once, later, and in the context it was created in. */
class Trigger implements EndListener, Job {
  /** Told by the host itself. */
  isObserved = false
  /** What the host tells the end of, or the request of a response that may be shared. */
  #answer: unknown
  #outer: Trigger | undefined
  readonly #resume = continuation(start)
  readonly #work: Work
  #inner: Trigger | undefined
  #carrier: Exchange | undefined
  #conditions: Conditions | undefined

  constructor(work: Work, inner: Trigger | undefined) {
    this.#work = work
    this.#inner = inner
  }

  /**
   * The host tells the end of `answer`, or `lead` does that hears it already: listeners of its own for
   * each would be too many where ten handlers stand in each other, and Node warns of a leak then.
   */
  observe(answer: unknown, lead: Trigger | undefined): void {
    this.isObserved = true
    this.#answer = answer
    if (lead !== undefined) lead.#outer = this
  }

  /** Itself, if it waits for the end of this answer. */
  leading(answer: unknown): Trigger | undefined {
    return this.#conditions === undefined && this.#answer === answer ? this : undefined
  }

  /** Itself, unless it is known to belong to another request than `asked`. */
  inside(asked: unknown): Trigger | undefined {
    const own = this.#answer
    return own === undefined || asked === undefined || own === asked ? this : undefined
  }

  isCarriedBy(response: Response, asked: unknown): void {
    this.#answer = asked
    this.#carrier = response
    triggers.set(response, this)
  }

  staysWith(exchange: Exchange): void {
    this.#carrier = exchange
    exchange[carried] = this
  }

  end(outcome: Outcome, reason?: unknown): void {
    if (this.#conditions !== undefined) return
    this.#conditions = { outcome, reason }
    // The response that this one was made of is over too, even if the host never touched it.
    if (this.#inner?.isObserved === false) this.#inner.end(outcome, reason)
    nextMacrotask(this)
    this.#outer?.end(outcome, reason)
    this.#answer = this.#outer = undefined
  }

  run(): void {
    this.#resume(this)
  }

  start(): void {
    const carrier = this.#carrier
    if (carrier?.[carried] === this) carrier[carried] = undefined
    else if (carrier !== undefined && triggers.get(carrier) === this) triggers.delete(carrier)
    this.#carrier = this.#answer = undefined
    let inner = this.#inner
    while (inner !== undefined && !inner.#decides) inner = inner.#inner
    this.#inner = undefined
    if (inner === undefined) this.#execute()
    else void inner.#work[ended].then(() => this.#execute())
  }

  #execute(): void {
    if (this.#decides && this.#conditions !== undefined) this.#work[execute](this.#conditions)
  }

  get #decides(): boolean {
    return this.#work[trigger] === this
  }
}

function start(end: Trigger): void {
  end.start()
}

/** Hears a promise for the end of the response. */
export function observePromise(completed: Promise<unknown>, listener: EndListener): boolean {
  completed.then(
    () => listener.end('closed'),
    (reason: unknown) => listener.end('cancelled', reason),
  )
  return true
}

/** Refuses what the host can not have offered. */
export function checkOptions(verb: string, options: WrapOptions): void {
  checkObject(verb, options)
  const { request, waitUntil, completed, unreadTimeout } = options
  if ('signal' in options) refuse(verb, 'the options are a request', 'pass { request }')
  if (request !== undefined && typeof request?.method !== 'string') {
    refuse(verb, `request is ${kindOf(request)}`, 'pass the Request of the handler')
  }
  if (waitUntil !== undefined) checkFunction(verb, 'waitUntil', waitUntil)
  if (completed !== undefined && !isThenable(completed)) {
    refuse(verb, `completed is ${kindOf(completed)}`, 'pass a promise')
  }
  checkMilliseconds(verb, 'unreadTimeout', unreadTimeout)
}

/** True for the Response of any implementation, without touching what touching changes. */
export function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true
  // Ponyfills have a class of their own with the same tag; a plain object has not.
  return Object.prototype.toString.call(value) === '[object Response]'
}
