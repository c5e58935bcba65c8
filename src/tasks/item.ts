import type { Exchange, Work } from '../response/exchange.ts'
import type { Outcome, ResponseEnd } from '../response/outcome.ts'
import { isObject } from '../util/checks.ts'
import { continuation } from '../util/continuation.ts'
import type { BackgroundTaskError } from './background-task-error.ts'
import type { Bagged } from './bag.ts'
import type { When } from './when.ts'

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
  /** How its response ended, once that is known. */
  readonly outcome: Outcome | undefined
  /** Whether it may still run the item: it has not ended, nor stopped, nor passed it by. */
  willRun(item: Item): boolean
  /** Hears of a failure in it, and adds to `skipped` the names of what it skips for that. */
  fail(failure: BackgroundTaskError, skipped: string[], stops: boolean): void
  /** Runs a list in it once more, to which something was added after its end. */
  runAgain(item: Item): void
}

/** The property of a public class that holds its inside: all copies of this package agree on it. */
export const inside: unique symbol = Symbol.for('background-tasks.inside')

/** The inside of a task or of a list: what a response, or a list, can run. */
export abstract class Item implements Work, Bagged {
  /** The object that users have. */
  readonly face: object
  abstract readonly isList: boolean
  /** True when nothing in it waits or runs. */
  abstract readonly isIdle: boolean
  /** Its end. Never rejects. */
  abstract readonly ended: Promise<unknown>
  slot: number | undefined
  /** The list that holds it. */
  protected list: Parent | undefined
  /** That of the response that it waits for. */
  protected exchange: Exchange | undefined
  #otherLists: Parent[] | undefined
  #resume: (() => void) | undefined

  constructor(face: object) {
    this.face = face
  }

  abstract start(end: ResponseEnd, terms?: Terms): PromiseLike<unknown> | undefined
  /** Adds itself, and all that is in it, to a set. */
  abstract collect(items: Set<Item>): Set<Item>
  /** Runs what it has to. */
  protected abstract proceed(): void
  /** Whether it has begun, and not in this list. */
  protected abstract isRunBesides(list: Parent): boolean
  /** Gives up on what has not started, and adds the names. */
  abstract skip(reason: unknown, skipped: string[]): void

  /** Whether a handler decides when it starts, and has not returned. */
  get hasHandler(): boolean {
    return false
  }

  /** Waits for the end of a response: of the last one that it was wrapped with. */
  waitFor(exchange: Exchange): void {
    this.exchange?.remove(this)
    this.exchange = exchange
    exchange.add(this)
  }

  isAddedTo(list: Parent): void {
    if (this.list === undefined) this.list = list
    else if (this.list !== list) (this.#otherLists ??= []).push(list)
  }

  /** Whether another list may still run it, or something else is running it. */
  isWantedBesides(list: Parent): boolean {
    const lists = [this.list, ...(this.#otherLists ?? [])]
    return (
      this.isRunBesides(list) ||
      lists.some((other) => other !== list && other?.willRun(this) === true)
    )
  }

  /** Lets it run in the async context of this moment, whoever starts it, and however often. */
  keepContext(): void {
    this.#resume = continuation(() => {
      this.keepContext()
      this.proceed()
    })
  }

  /** Proceeds in the async context that it keeps, if it does. */
  protected resume(): void {
    if (this.#resume === undefined) this.proceed()
    else this.#resume()
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
