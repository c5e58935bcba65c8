import type { BackgroundTask } from './background-task.ts'
import type { BackgroundTasks } from './background-tasks.ts'
import { Bag, type Bagged } from './bag.ts'
import type { Outcome } from './body-end.ts'

// Shared by all copies of this package in the process, like the state below.

/** Starts the work now that the response is over. */
export const begin: unique symbol = Symbol.for('background-tasks.begin')
/** Cancels what has not ended, and names it. */
export const abandon: unique symbol = Symbol.for('background-tasks.abandon')
/** What decides when the work starts: the last response that was wrapped with it. */
export const trigger: unique symbol = Symbol.for('background-tasks.trigger')
/** True when nothing waits or runs: nobody has to wait for it. */
export const isIdle: unique symbol = Symbol.for('background-tasks.isIdle')
/** True for a list whose last task and cleanup have ended. */
export const hasEnded: unique symbol = Symbol.for('background-tasks.hasEnded')

/** What a response can carry: a list, or a task on its own. */
export interface Work extends Bagged {
  readonly finished: Promise<unknown>
  [trigger]?: object
  readonly [isIdle]: boolean
  [begin](outcome: Outcome, reason: unknown): void
  [abandon](reason: unknown): BackgroundTask[]
}

/** Runs around a task; `run` settles as the task does. */
export type Instrument = (task: BackgroundTask, run: () => Promise<void>) => Promise<void>

/** The part of an `AsyncLocalStorage` used here: the core imports nothing. */
interface ListStorage {
  getStore(): BackgroundTasks | undefined
  run<Result>(list: BackgroundTasks, callback: () => Result): Result
}

interface ProcessState {
  /** All accepted work that waits or runs. */
  readonly inFlight: Bag<Work>
  /** Called when `inFlight` becomes empty. */
  readonly onIdle: Set<() => void>
  /** How many tasks have ended since the process started. */
  ended: number
  readonly instruments: Set<Instrument>
  /** The list of the request being handled, where `background-tasks/context` is in use. */
  lists: ListStorage | undefined
}

const key: unique symbol = Symbol.for('background-tasks')
const scope: typeof globalThis & { [key]?: ProcessState } = globalThis

/**
 * On the global object, because a bundler may put several copies of this package into one process
 * (a framework's routes and its start-up file), and `drain()` must see what all of them accepted.
 */
export const state: ProcessState = (scope[key] ??= {
  inFlight: new Bag(),
  onIdle: new Set(),
  ended: 0,
  instruments: new Set(),
  lists: undefined,
})
