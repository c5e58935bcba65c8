import type { Outcome } from '../response/outcome.ts'
import { added, none } from '../util/added.ts'
import { refuse } from '../util/checks.ts'
import type { BackgroundTaskError } from './background-task-error.ts'
import { Item, type Parent } from './item.ts'
import { isTask, type Task } from './task.ts'
import type { TaskResult } from './task-types.ts'

/** What is in a list. */
export abstract class Contents extends Item implements Parent {
  readonly isList = true
  items: Item[] = none
  cleanups: Task[] = none
  /** How many of the items have been added as first. */
  #firsts = 0

  abstract readonly hasStarted: boolean
  abstract readonly runningCleanup: Task | undefined
  abstract readonly outcome: Outcome | undefined
  abstract willRun(item: Item): boolean
  abstract fail(failure: BackgroundTaskError, skipped: string[], stops: boolean): void
  abstract runAgain(item: Item): void
  /** Lets what was added be seen and run. */
  protected abstract noticeAdded(): void

  get isEmpty(): boolean {
    return this.items.length + this.cleanups.length === 0
  }

  add(item: Item): void {
    this.#own(item)
    this.items = added(this.items, item)
    this.noticeAdded()
  }

  /** Adds it before the others, after those that were added so. */
  addFirst(item: Item): void {
    if (this.hasStarted) {
      this.add(item)
      return
    }
    this.#own(item)
    this.items = [...this.items]
    this.items.splice(this.#firsts++, 0, item)
    this.noticeAdded()
  }

  defer(cleanup: Task): void {
    cleanup.isCleanup = true
    this.cleanups = added(this.cleanups, cleanup)
    this.noticeAdded()
  }

  #own(item: Item): void {
    if (item.isList && item.collect(new Set()).has(this)) {
      refuse('add the list', 'it contains this list', 'add its tasks instead')
    }
    item.isAddedTo(this)
  }

  /** How the tasks ended. What another list may still run was skipped in this one. */
  protected results(outcome: Outcome, error: unknown): TaskResult[] {
    const tasks = [...this.collect(new Set())].filter(isTask).filter((task) => !task.isCleanup)
    return tasks.map(
      ({ name, result }) => result ?? { name, status: 'skipped', outcome, duration: 0, error },
    )
  }

  collect(items: Set<Item>): Set<Item> {
    // One list may stand at many places: they must not be walked through one by one.
    if (items.has(this)) return items
    items.add(this)
    for (const item of this.items) item.collect(items)
    const cleanup = this.runningCleanup
    return cleanup === undefined || cleanup.isIdle ? items : items.add(cleanup)
  }
}
