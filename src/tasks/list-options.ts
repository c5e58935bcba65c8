import { checkCount, checkFunction, checkMilliseconds, kindOf, refuse } from '../util/checks.ts'
import { checkOptions } from '../util/options.ts'
import type { BackgroundTaskError } from './background-task-error.ts'
import { checkedWhen, type When } from './when.ts'

/** How a list runs its tasks. */
export interface BackgroundTasksOptions {
  /**
   * How many tasks of this list run at a time: a whole number from 1, or `Infinity`. `1` is in order,
   * one after the other; `Infinity` is all at once.
   *
   * @default 1
   */
  concurrency?: number
  /**
   * Decides when each task may run, for as many lists as it is given to: the function of p-limit, or
   * `(run) => queue.add(run)` of p-queue. Asked once for each task, after its `when` has said yes;
   * never for a list or a cleanup. The task stays pending until `run` is called.
   *
   * `run` never rejects: it fulfils when the task has ended, or was given up on. A limit that throws,
   * rejects, or is done without having called `run` fails the task. A list in a list uses its own
   * limit, else that of the list around it.
   *
   * @default none
   */
  limit?: (run: () => Promise<void>) => unknown
  /**
   * What a failed task means for those after it: `'stop'` skips them, `'continue'` runs them.
   *
   * @default 'stop'
   * @see {@link https://www.starlette.io/background/#backgroundtasks | Starlette, which stops}
   */
  failure?: 'stop' | 'continue'
  /**
   * Milliseconds, above 0, that each task and cleanup may take.
   *
   * @default Infinity
   */
  timeout?: number
  /**
   * For which outcomes the tasks run, or a function that decides; otherwise they are skipped.
   * Cleanups always run.
   *
   * @default every outcome but 'thrown'
   */
  when?: When
  /**
   * Hears of each failure, once. What it throws itself is printed.
   *
   * @default console.error
   */
  onError?: (error: BackgroundTaskError) => void
}

/** The options, checked and copied: what becomes of the object after that changes no list. */
export class ListOptions implements BackgroundTasksOptions {
  readonly concurrency: number
  readonly failure: 'stop' | 'continue'
  // Declared, and there only where they are given.
  declare readonly limit?: NonNullable<BackgroundTasksOptions['limit']>
  declare readonly timeout?: number
  declare readonly when?: When
  declare readonly onError?: NonNullable<BackgroundTasksOptions['onError']>

  constructor(options: BackgroundTasksOptions) {
    const verb = 'create the list'
    checkOptions(verb, options)
    // Property by property: those of a prototype count too.
    const { concurrency = 1, limit, failure = 'stop', timeout, when, onError } = options
    checkCount(verb, 'concurrency', concurrency)
    if (failure !== 'stop' && failure !== 'continue') {
      refuse(verb, `failure is ${kindOf(failure)}`, "pass 'stop' or 'continue'")
    }
    if (limit !== undefined) checkFunction(verb, 'limit', limit)
    if (onError !== undefined) checkFunction(verb, 'onError', onError)
    checkMilliseconds(verb, 'timeout', timeout)
    this.concurrency = concurrency
    this.failure = failure
    if (limit !== undefined) this.limit = limit
    if (timeout !== undefined) this.timeout = timeout
    if (when !== undefined) this.when = checkedWhen(verb, when)
    if (onError !== undefined) this.onError = onError
  }
}

export const defaultOptions = new ListOptions({})

/** Those of a handler are looked at once, not with each request. */
export function checkedListOptions(options: BackgroundTasksOptions): ListOptions {
  return options instanceof ListOptions ? options : new ListOptions(options)
}
