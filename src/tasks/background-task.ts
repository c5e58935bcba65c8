import { End } from '../response/outcome.ts'
import { refuse } from '../util/checks.ts'
import { handled } from '../util/report.ts'
import type { Callable } from './call.ts'
import { checkedDefinition, checkTaskFunction } from './definition.ts'
import { inspect, type ShowRest, shown } from './inspect.ts'
import { inside, insideOf } from './item.ts'
import { track } from './registry.ts'
import { Task } from './task.ts'
import type { TaskDefinition, TaskResult, TaskStatus } from './task-types.ts'
import { wrap, type WrapOptions } from './wrap.ts'

/**
 * One function and its arguments, run once after a response.
 *
 * @example Answer first, then send an e-mail
 * ```ts
 * import { BackgroundTask } from 'background-tasks'
 *
 * async function sendWelcome(email: string): Promise<void> {
 *   console.log(`welcome, ${email}`)
 * }
 *
 * function handler(): Response {
 *   const task = new BackgroundTask(sendWelcome, 'ada@example.com')
 *   return task.wrap(new Response('signed up'))
 * }
 *
 * console.log(await handler().text())
 * ```
 * @see {@link https://www.starlette.io/background/#background-task | Starlette's BackgroundTask}
 */
export class BackgroundTask<Args extends readonly unknown[] = readonly unknown[]> {
  readonly #task: Task

  /**
   * @param fn The function to call: sync or async.
   * @param args Its arguments.
   * @throws `TypeError` if `fn` is not a function, or a generator function, or the promise of a
   * function that has been called already.
   */
  constructor(fn: (...args: Args) => unknown, ...args: Args)
  /**
   * @param definition The task as an object.
   * @throws `TypeError` if `run` is not a function, `name` is not a string, or `when` is not a list
   * of outcomes or a function, or a property is no option.
   * @throws `RangeError` if `timeout` is not above 0.
   */
  constructor(definition: TaskDefinition)
  constructor(work: ((...args: Args) => unknown) | TaskDefinition, ...args: Args | []) {
    if (typeof work === 'function') {
      checkTaskFunction(work)
      this.#task = new Task(this, work.name, work as Callable, args)
    } else {
      const definition = checkedDefinition(work, args)
      this.#task = new Task(this, definition.name, definition, args)
    }
  }

  /** The name of the function or of the definition, or `'anonymous'`. */
  get name(): string {
    return this.#task.name
  }

  /**
   * The function, until the task and its instruments have ended; for tests, instruments, and for
   * running elsewhere what `drain` has abandoned, which keeps it. `undefined` for a definition.
   *
   * @see {@link https://www.starlette.io/background/#background-task | Starlette's BackgroundTask}
   */
  get func(): ((...args: never) => unknown) | undefined {
    return this.#task.call?.func
  }

  /** The arguments of {@link BackgroundTask.func}, for as long as it is there. */
  get args(): Readonly<Args> | undefined {
    return this.#task.call?.args as Readonly<Args> | undefined
  }

  /** Where the task stands. */
  get status(): TaskStatus {
    return this.#task.status
  }

  /** How the task ended. Never rejects. */
  get finished(): Promise<TaskResult> {
    return this.#task.ended
  }

  /**
   * Gives the task up: one that waits is skipped; one that runs sees its signal abort, counts as
   * rejected, and is no longer waited for. One that has ended is left alone.
   *
   * @example Give up a task that waits
   * ```ts
   * import { BackgroundTasks } from 'background-tasks'
   *
   * const tasks = new BackgroundTasks()
   * const reminder = tasks.addTask(console.log, 'do not forget')
   * reminder.cancel(new Error('already answered'))
   * await tasks.run()
   * console.log(reminder.status) // skipped
   * ```
   * @param reason The `error` of the result, and the `reason` of the signal. An `AbortError` by
   * default.
   */
  cancel(reason: unknown = new DOMException('The task was cancelled', 'AbortError')): void {
    this.#task.cancel(reason)
  }

  /**
   * Runs the task now, outside any request. A task runs once: a later call waits for the same end.
   *
   * @example Run it from a script
   * ```ts
   * import { BackgroundTask } from 'background-tasks'
   *
   * const task = new BackgroundTask(console.log, 'no request, no response')
   * await task.run()
   * console.log((await task.finished).status) // fulfilled
   * ```
   * @returns A promise for the end. It may be ignored: the failure is printed as well.
   * @throws {@link BackgroundTaskError} if the task fails.
   */
  run(): Promise<void> {
    const task = this.#task
    if (!task.hasStarted) {
      track(task)
      void task.start(new End('closed'))
    }
    return handled(
      task.ended.then(() => {
        if (task.failure !== undefined) throw task.failure
      }),
    )
  }

  /**
   * Runs the task after `response`: when its body has closed, which does not say that the client
   * has received it.
   *
   * Below `provideBackgroundTasks` the response is returned as it is, and the task joins the list of
   * the request.
   *
   * @example One task, and what the request can tell
   * ```ts
   * import { BackgroundTask } from 'background-tasks'
   *
   * function handler(request: Request): Response {
   *   const task = new BackgroundTask(console.log, 'answered', request.url)
   *   return task.wrap(new Response('hello'), { request })
   * }
   *
   * console.log(await handler(new Request('http://localhost/')).text())
   * ```
   * @param response The response to send, its body not read yet.
   * @param options What the host offers.
   * @returns The response to return from the handler, in the place of `response`.
   * @throws `TypeError` if `response` is not a `Response` or is read already, an option is not one,
   * or the task has started.
   * @throws `RangeError` if `unreadTimeout` is not above 0.
   */
  wrap(response: Response, options: WrapOptions = {}): Response {
    const { name, status, hasStarted } = this.#task
    if (hasStarted) {
      refuse('wrap the response', `task ${name} is ${status}`, 'create a task per response')
    }
    return wrap(this.#task, response, options)
  }

  /** @internal */
  get [inside](): Task {
    return this.#task
  }

  /** @internal */
  [inspect](_depth: number, ...rest: ShowRest): string {
    const { name, status } = this
    return shown(this, { name, status }, ...rest)
  }
}

/** True for a task, also one of another copy of this package. */
export function isBackgroundTask(value: unknown): value is BackgroundTask {
  return insideOf(value)?.isList === false
}
