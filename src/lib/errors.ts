/**
 * A task that failed: thrown, rejected, timed out, or cancelled while it ran.
 *
 * Passed to `onError`, and the rejection of `run()`. The message holds the name of the task and the
 * message of its error, never an argument.
 *
 * @example Tell a failed task from any other error
 * ```ts
 * import { BackgroundTaskError, BackgroundTasks } from 'background-tasks'
 *
 * const tasks = new BackgroundTasks([], {
 *   onError(error) {
 *     console.warn(error instanceof BackgroundTaskError, error.task, error.cause, error.skipped)
 *   },
 * })
 * tasks.addTask(function sendEmail() {
 *   throw new Error('mailbox full')
 * })
 * await tasks.run().catch(() => {})
 * ```
 */
export class BackgroundTaskError extends Error {
  /** Always `'BackgroundTaskError'`. */
  override readonly name = 'BackgroundTaskError'

  /** The name of the task that failed. */
  readonly task: string

  /** What the task threw or rejected with, unchanged: not always an `Error`. */
  override readonly cause: unknown

  /** The names of the tasks that will not run because this one failed, in their order. */
  readonly skipped: readonly string[]

  /**
   * @param task The name of the task.
   * @param cause What it threw.
   * @param skipped The names of the tasks skipped for it.
   */
  constructor(task: string, cause: unknown, skipped: readonly string[] = []) {
    super(`Task ${task} failed: ${messageOf(cause)}`)
    this.task = task
    this.cause = cause
    this.skipped = skipped
  }
}

/** Hands `error` to `onError`, whose own failure must harm nobody: it is printed beside the error. */
export function report(error: Error, onError?: (error: never) => unknown): void {
  const onFailure = (failure: unknown): void => print(error, failure)
  if (onError === undefined) {
    print(error)
    return
  }
  try {
    // An async function fits the type of `onError` too, and its rejection would end the process.
    Promise.resolve(Reflect.apply(onError, undefined, [error])).catch(onFailure)
  } catch (failure) {
    onFailure(failure)
  }
}

function print(error: Error, ...rest: unknown[]): void {
  try {
    console.error(error, ...rest)
  } catch {
    // What was thrown can not be shown, not even by itself.
    try {
      console.error(error.message)
    } catch {
      // Nor can anything: there is nobody left to tell.
    }
  }
}

function messageOf(cause: unknown): string {
  try {
    return cause instanceof Error ? `${cause.message}` : typeof cause
  } catch {
    return typeof cause
  }
}

/** Keeps a rejection that nobody waits for from ending the process. */
export function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}

/** Names a value in an error message without printing it: it may be secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (isThenable(value)) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** True for a promise of any realm or library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof Object(value).then === 'function'
}

/** Milliseconds; a timer set to more fires at once. */
export const longestTimer = 2 ** 31 - 1

/** Fails for misuse. What was wrong names no value: it may be secret. */
export function refuse(verb: string, wrong: string, advice: string, Kind = TypeError): never {
  throw new Kind(`Cannot ${verb}: ${wrong}, ${advice}`)
}

/** Refuses what is no function. */
export function checkFunction(
  verb: string,
  name: string,
  value: unknown,
  advice = 'pass a function',
): void {
  if (typeof value !== 'function') refuse(verb, `${name} is ${kindOf(value)}`, advice)
}

/** Refuses options that are none. */
export function checkObject(verb: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return
  refuse(verb, `the options are ${kindOf(options)}`, 'pass an object')
}

/** Refuses milliseconds that a timer cannot count. */
export function checkMilliseconds(verb: string, name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value > 0)) return
  const shown = typeof value === 'number' ? value : kindOf(value)
  refuse(verb, `${name} is ${shown}`, 'pass milliseconds above 0', RangeError)
}
