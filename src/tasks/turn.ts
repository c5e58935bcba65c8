import type { ResponseEnd } from '../response/outcome.ts'
import { isThenable } from '../util/checks.ts'
import { continuation } from '../util/continuation.ts'
import { report } from '../util/report.ts'
import { longestTimer } from '../util/timers.ts'
import type { BackgroundTaskError } from './background-task-error.ts'
import type { Call } from './call.ts'
import type { Terms } from './item.ts'
import { outside } from './outside.ts'
import type { TaskContext } from './task-types.ts'

/** The task whose turn it is. */
interface Performer {
  settle(status: 'fulfilled' | 'rejected', error?: unknown): void
  giveUp(reason: unknown): void
}

/** What is known of a task from its turn on, and forgotten when it has ended. */
export class Turn {
  readonly end: ResponseEnd
  readonly terms: Terms
  #startedAt: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #context: Context | undefined
  #report: ((failure: BackgroundTaskError) => void) | undefined

  constructor(end: ResponseEnd, terms: Terms) {
    this.end = end
    this.terms = terms
  }

  /** Starts the clock, calls it, and says how that went. */
  perform(task: Performer, call: Call | undefined): void {
    this.#startedAt = performance.now()
    const { timeout = Infinity } = call?.timeout === undefined ? this.terms : call
    if (timeout <= longestTimer) {
      this.#timer = setTimeout(() => {
        task.giveUp(new DOMException(`The task took longer than ${timeout} ms`, 'TimeoutError'))
      }, timeout)
    }
    try {
      const returned = call?.invoke(this)
      if (!isThenable(returned)) return task.settle('fulfilled')
      const { onError } = this.terms
      if (onError) this.#report = continuation((failure) => report(failure, onError))
      // It may be shared and never settle: what waits for it then holds its async context.
      outside(() => void settle(returned, task))
    } catch (error) {
      task.settle('rejected', error)
    }
  }

  /** Stops the clock. Returns the milliseconds that it took. */
  finish(): number {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    return this.#startedAt === undefined ? 0 : performance.now() - this.#startedAt
  }

  get context(): TaskContext {
    return (this.#context ??= new Context(this.end))
  }

  abort(reason: unknown): void {
    this.#context?.abort(reason)
  }

  /** In the async context in which it was called. */
  report(failure: BackgroundTaskError): void {
    if (this.#report) this.#report(failure)
    else report(failure, this.terms.onError)
  }
}

async function settle(returned: PromiseLike<unknown>, task: Performer): Promise<void> {
  try {
    await returned
    task.settle('fulfilled')
  } catch (error) {
    task.settle('rejected', error)
  }
}

/** Creates its controller when the signal is first asked for: most tasks never do. */
class Context implements TaskContext {
  readonly outcome: ResponseEnd['outcome']
  readonly reason: unknown
  readonly #end: ResponseEnd
  #controller: AbortController | undefined

  constructor(end: ResponseEnd) {
    this.outcome = end.outcome
    this.reason = end.reason
    this.#end = end
  }

  get response(): ResponseEnd['response'] {
    return this.#end.response
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}
