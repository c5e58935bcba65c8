import type { BackgroundTask } from './background-task.ts'
import type { BackgroundTasks } from './background-tasks.ts'
import { Bag, type Bagged } from './bag.ts'
import type { Outcome } from './body-end.ts'
import type { BackgroundTaskError } from './errors.ts'

// Not symbols: all copies of this package in the process agree on them, like on the state below.

/** Runs the work under conditions, once. A promise for its end, or undefined if that has come. */
export const execute = '~execute'
/** Adds the work, and all that is in it, to a set. */
export const collect = '~collect'
/** Adds what must not wait for the tasks before it. */
export const addFirst = '~addFirst'
/** Gives up on what has not started, because of another task's failure. */
export const skip = '~skip'
/** Tells a list of a failure in it. */
export const fail = '~fail'
/** How a task has ended. */
export const result = '~result'
/** What decides when the work starts: the last response that was wrapped with it. */
export const trigger = '~trigger'
/** True when nothing waits or runs: nobody has to wait for it. */
export const isIdle = '~isIdle'
/** True for a list whose last task and cleanup have ended. */
export const hasEnded = '~hasEnded'
/** A promise for the end of the work. Never rejects. */
export const ended = '~ended'

/** What runs some work lays down for it. */
export interface Conditions {
  readonly outcome: Outcome
  readonly reason?: unknown
  readonly timeout?: number | undefined
  readonly when?: readonly Outcome[] | undefined
  readonly onError?: ((error: BackgroundTaskError) => void) | undefined
  /** The list that it runs in. */
  readonly list?: BackgroundTasks
  /** A cleanup is not a task: no span, no result. */
  readonly isCleanup?: boolean
  /** Run by its own `run`. */
  readonly isDirect?: boolean
}

/** What a response can carry: a list, or a task on its own. */
export interface Work extends Bagged {
  readonly [ended]: Promise<unknown>
  [trigger]?: object | undefined
  readonly [isIdle]: boolean
  [execute](conditions: Conditions): Promise<unknown> | undefined
  [collect](items?: Set<Work>): Set<Work>
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
  readonly onIdle: (() => void)[]
  /** How many tasks have ended since the process started. */
  ended: number
  readonly instruments: Set<Instrument>
  /** Whether a Worker has been told that nothing holds its tasks. */
  hasWarned: boolean
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
  onIdle: [],
  ended: 0,
  instruments: new Set(),
  hasWarned: false,
  lists: undefined,
})
