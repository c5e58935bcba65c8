import type { Outcome, ResponseEnd } from '../response/outcome.ts'
import { none } from '../util/added.ts'
import { continuation } from '../util/continuation.ts'
import type { Item, Parent, Terms } from './item.ts'
import type { ListOptions } from './list-options.ts'
import type { Task } from './task.ts'

/** The list, as what runs it sees it. */
interface Scheduled extends Parent {
  readonly options: ListOptions
  readonly items: readonly Item[]
  readonly cleanups: Task[]
  readonly stop: { readonly reason: unknown } | undefined
  readonly state: string
  finish(): void
}

/** Runs what is in a list: the tasks and lists in their order, then the cleanups, last added first. */
export class Schedule implements Terms {
  readonly end: ResponseEnd
  /** The list around it. */
  readonly parent: Parent | undefined
  /** The index of the item to start next. */
  next = 0
  /** Lists that had ended, and were added to. */
  again: Item[] = none
  /** The one that is running. */
  cleanup: Task | undefined
  /** Goes on, in the async context of the list, when something is added. */
  wake: (() => void) | undefined
  readonly list: Scheduled
  readonly timeout: Terms['timeout']
  readonly when: Terms['when']
  readonly limit: Terms['limit']
  readonly onError: Terms['onError']
  /** How many items, or cleanups, are running. */
  #running = 0

  constructor(list: Scheduled, end: ResponseEnd, around: Terms) {
    const { options } = list
    this.end = end
    this.parent = around.list
    this.list = list
    this.timeout = options.timeout ?? around.timeout
    this.when = options.when ?? around.when
    this.limit = options.limit ?? around.limit
    this.onError = options.onError ?? around.onError
  }

  get outcome(): Outcome {
    return this.end.outcome
  }

  willRun(item: Item): boolean {
    return this.list.items.includes(item, this.next) || this.again.includes(item)
  }

  /** Starts as many as may run; each that ends calls it again. */
  proceed(): void {
    const { list } = this
    const { concurrency } = list.options
    while (list.state === 'running') {
      const hasItem = this.next < list.items.length || this.again.length > 0
      // Nothing runs beside a cleanup.
      const isAlone = !hasItem || this.cleanup?.isIdle === false
      if (this.#running >= (isAlone ? 1 : concurrency)) {
        if (this.#running < concurrency) this.wake = continuation(() => this.proceed())
        return
      }
      const item = this.#take()
      if (item === undefined) list.finish()
      else this.#start(item)
    }
  }

  #take(): Item | undefined {
    const { items, cleanups } = this.list
    if (this.next < items.length) return items[this.next++]
    return this.again.shift() ?? (this.cleanup = cleanups.pop())
  }

  #start(item: Item): void {
    const { stop } = this.list
    if (stop !== undefined && item !== this.cleanup) {
      if (item.isWantedBesides(this.list)) return
      item.skip(stop.reason, [])
    }
    const ended = item.start(this.end, this)
    if (ended === undefined) return
    this.#running += 1
    void ended.then(() => {
      this.#running -= 1
      this.proceed()
    })
  }
}
