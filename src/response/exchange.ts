import { added, none } from '../util/added.ts'
import { isObject } from '../util/checks.ts'
import { continuation } from '../util/continuation.ts'
import { later } from '../util/later.ts'
import { End, type Outcome, type ResponseEnd, type ResponseHead } from './outcome.ts'

/** What runs when a response has ended. */
export interface Work {
  /** Returns a promise for its own end, which never rejects; or nothing, if that has come. */
  start(end: ResponseEnd): PromiseLike<unknown> | undefined
}

/** All copies of this package in the process find the same exchange. */
const key: unique symbol = Symbol.for('background-tasks.exchange')

interface Entry {
  readonly work: Work
  /** Starts it in the async context in which it was added. */
  readonly start: () => void
}

/**
 * One response on its way, and what runs when it has ended: one piece of work after the other, in the
 * order added, each in the async context in which it was added.
 *
 * Several may tell how it ended, in any order and more than once: the first one counts.
 */
export class Exchange {
  /** The head of what was answered, by the outermost handler so far. */
  head: ResponseHead | undefined
  /** Whether the host tells the end: then the end of the body alone is not that of the response. */
  isToldByHost = false
  /** Whether its end has been told. */
  hasEnded = false
  /** The body that is being observed, if there is one: a later wrap may know the request's signal. */
  body: { listen(signal: AbortSignal): void } | undefined
  #works: Entry[] = none
  /** From its end on, until what runs then has ended. */
  #end: ResponseEnd | undefined

  /** Adds it last, when nothing can fail any more that would keep the response from being sent. */
  add(work: Work): void {
    this.#works = added(this.#works, { work, start: continuation(() => this.#start(work)) })
  }

  /** Forgets work that waits for another response now. */
  remove(work: Work): void {
    this.#works = this.#works.filter((entry) => entry.work !== work)
  }

  /** Lets a second handler, or a second wrap, find it: by a response, or what the host has for it. */
  isCarriedBy(carrier: object): void {
    // One that is frozen stays as it is.
    Reflect.set(carrier, key, this)
  }

  /** Hears of the body, whose close may come before the last byte is sent. */
  bodyEnded(outcome: Outcome, reason?: unknown): void {
    if (outcome !== 'closed' || !this.isToldByHost) this.end(outcome, reason)
  }

  /** Hears how the response ended. */
  end(outcome: Outcome, reason?: unknown): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.#end = new End(outcome, reason, this.head)
    this.body = this.head = undefined
    later(() => this.#startNext())
  }

  #startNext(): void {
    const next = this.#works.shift()
    if (next === undefined) this.#end = undefined
    else next.start()
  }

  #start(work: Work): void {
    const ended = this.#end && work.start(this.#end)
    if (ended === undefined) this.#startNext()
    else void ended.then(() => this.#startNext())
  }
}

/**
 * The exchange that the response, or the host's own object, is carrying. Not one that has ended: what
 * comes now on the same connection, or from a task of that one, is no part of it.
 */
export function carriedBy(carrier: unknown): Exchange | undefined {
  const exchange: Exchange | undefined = isObject(carrier) ? Reflect.get(carrier, key) : undefined
  return exchange?.hasEnded ? undefined : exchange
}
