import { Bag } from './bag.ts'
import type { Item } from './item.ts'

/** Runs around a task, given its public object; `run` settles as the task does. */
export type Surround = (task: object, run: () => Promise<void>) => PromiseLike<void> | undefined

/** The part of an `AsyncLocalStorage` used here: the core imports nothing. */
interface Storage {
  getStore(): RequestList | undefined
  run<Result>(list: RequestList, callback: () => Result): Result
}

/** The list of a request, as the calls below its handler see it. */
export interface RequestList extends Item {
  /** False when its last task and cleanup have ended, or its handler has returned and added none. */
  readonly isJoinable: boolean
  /** That of the request. */
  readonly waitUntil: ((promise: Promise<unknown>) => void) | undefined
  add(item: Item): void
}

interface Registry {
  /** All accepted work that waits or runs. */
  readonly inFlight: Bag<Item>
  /** Called when `inFlight` becomes empty. */
  readonly onIdle: (() => void)[]
  /** How many tasks have ended since the process started. */
  ended: number
  /** By the function that was given: one that is given twice runs once around each task. */
  readonly instruments: Map<unknown, { readonly around: Surround; uses: number }>
  /** The list of the request being handled, where `background-tasks/context` is loaded. */
  lists: Storage | undefined
}

const key: unique symbol = Symbol.for('background-tasks')
const scope: typeof globalThis & { [key]?: Registry } = globalThis

/**
 * On the global object, because a bundler may put several copies of this package in one process (a
 * framework's routes and its start-up file), and `drain()` must see what all of them accepted.
 */
export const registry: Registry = (scope[key] ??= {
  inFlight: new Bag(),
  onIdle: [],
  ended: 0,
  instruments: new Map(),
  lists: undefined,
})

/** Counts the item as accepted. */
export function track(item: Item): void {
  registry.inFlight.add(item)
}

/** Takes the item off the books: it has ended. */
export function untrack(item: Item): void {
  const { inFlight, onIdle } = registry
  if (!inFlight.delete(item) || inFlight.items.length > 0 || onIdle.length === 0) return
  for (const wake of onIdle.splice(0)) wake()
}

/** Fulfilled when nothing waits or runs. */
export function whenIdle(): Promise<void> {
  return new Promise((resolve) => registry.onIdle.push(resolve))
}
