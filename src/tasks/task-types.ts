import type { Outcome, ResponseEnd } from '../response/outcome.ts'
import type { When } from './when.ts'

/** What a task given as an object can learn about the response and its own end. */
export interface TaskContext extends ResponseEnd {
  /**
   * Aborts at the task's timeout, at `cancel()`, at the deadline of `drain()`, and shortly before the
   * platform ends the process.
   */
  readonly signal: AbortSignal
}

/** A task given as an object: for one that wants its signal, the end of the response, or a name. */
export interface TaskDefinition {
  /**
   * Shown in errors, results and spans.
   *
   * @default the name of `run`
   */
  name?: string
  /** The work. Its promise, if it returns one, is waited for. */
  run: (context: TaskContext) => unknown
  /**
   * Milliseconds, above 0, until `signal` aborts and the task counts as rejected, with a
   * `TimeoutError`.
   *
   * @default the list's `timeout`
   */
  timeout?: number
  /**
   * For which outcomes the task runs, or a function that decides; otherwise it is skipped.
   *
   * @default the list's `when`
   */
  when?: When
}

/** Where a task stands: it waits, it runs, or it has ended as {@link TaskResult} says. */
export type TaskStatus = 'pending' | 'running' | 'fulfilled' | 'rejected' | 'skipped'

/** How a task ended. */
export interface TaskResult {
  /** The name of the task. */
  name: string
  /**
   * - `'fulfilled'`: its function has returned, or its promise was fulfilled.
   * - `'rejected'`: it has thrown, timed out, or was cancelled while it ran.
   * - `'skipped'`: it never ran. Its `when` said no, a task before it failed, or it was cancelled
   *   while it waited.
   */
  status: 'fulfilled' | 'rejected' | 'skipped'
  /** How the response ended that carried the task. */
  outcome: Outcome
  /** Milliseconds that the task took; 0 when it was skipped. */
  duration: number
  /**
   * What the task threw, or why it was skipped: the error of the task that failed before it, the
   * reason of its `cancel`. There is none when its `when` said no.
   */
  error?: unknown
}
