import { isError } from '../util/checks.ts'

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

function messageOf(cause: unknown): string {
  try {
    return isError(cause) ? `${cause.message}` : typeof cause
  } catch {
    return typeof cause
  }
}
