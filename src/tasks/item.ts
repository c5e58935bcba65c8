import type { Exchange, Work } from '../response/exchange.ts'
import type { Outcome, ResponseEnd } from '../response/outcome.ts'
import { isObject } from '../util/checks.ts'
import { continuation } from '../util/continuation.ts'
import type { BackgroundTaskError } from './background-task-error.ts'
import type { Bagged } from './bag.ts'

/**
 * Outcomes for which a task runs, or a function that decides: it is asked once for each task, when its
 * turn has come, for `'thrown'` too. One that throws, or returns a promise, fails the task.
 *
 * The `when` of a task replaces that of its list, and a list in a list without one takes that of the
 * list around it. They are never combined.
 */
export type When = readonly Outcome[] | ((end: ResponseEnd) => boolean)

/** What a list lays down for what runs in it. */
export interface Terms {
  readonly timeout?: number | undefined
  readonly when?: When | undefined
  readonly limit?: ((run: () => Promise<void>) => unknown) | undefined
  readonly onError?: ((error: BackgroundTaskError) => void) | undefined
  readonly list?: Parent
}

/** A list, as what runs in it sees it. */
export interface Parent {
  /** Whether it is going to run what it holds. */
  readonly isAccepted: boolean
  /** Hears of a failure in it, and adds to `skipped` the names of what it skips for that. */
  fail(failure: BackgroundTaskError, skipped: string[], stops: boolean): void
  /** Runs a list in it once more, to which something was added after its end. */
  runAgain(item: Item): void
}

/** The inside of a task or of a list: what a response, or a list, can run. */
export interface Item extends Work, Bagged {
  /** The object that users have. */
  readonly face: object
  readonly isList: boolean
  /** True when nothing in it waits or runs. */
  readonly isIdle: boolean
  /** Whether a handler decides when it starts, and has not returned. */
  readonly hasHandler: boolean
  /** Its end. Never rejects. */
  readonly ended: Promise<unknown>
  start(end: ResponseEnd, terms?: Terms): PromiseLike<unknown> | undefined
  /** Adds itself, and all that is in it, to a set. */
  collect(items: Set<Item>): Set<Item>
  /** Gives up on what has not started, and adds the names. */
  skip(reason: unknown, skipped: string[]): void
  isAddedTo(list: Parent): void
  /** Waits for the end of a response: of the last one that it was wrapped with. */
  waitFor(exchange: Exchange): void
  keepContext(): void
  /** Whether another list is going to run it. */
  isWantedBesides(list: Parent): boolean
}

/** The property of a public class that holds its inside: all copies of this package agree on it. */
export const inside: unique symbol = Symbol.for('background-tasks.inside')

/** What a task and a list have in common: they stand in lists, in one nearly always. */
export abstract class Listed {
  protected list: Parent | undefined
  #others: Parent[] | undefined
  #resume: ((start: () => void) => void) | undefined

  isAddedTo(list: Parent): void {
    if (this.list === undefined) this.list = list
    else if (this.list !== list) (this.#others ??= []).push(list)
  }

  isWantedBesides(list: Parent | undefined): boolean {
    const isWanted = (other: Parent | undefined) => other !== list && other?.isAccepted === true
    return isWanted(this.list) || this.#others?.some(isWanted) === true
  }

  /** Lets it run in the async context of this moment, whoever starts it. */
  keepContext(): void {
    this.#resume = continuation((start) => start())
  }

  protected inContext(start: () => void): void {
    if (this.#resume === undefined) start()
    else this.#resume(start)
  }
}

/** The inside of a task or a list, also of another copy of this package. */
export function insideOf(value: unknown): Item | undefined {
  const found: unknown = isObject(value) && inside in value ? value[inside] : undefined
  return isItem(found) ? found : undefined
}

function isItem(value: unknown): value is Item {
  return isObject(value) && 'isList' in value
}
