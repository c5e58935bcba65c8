import { End } from '../response/outcome.ts'
import { checkFunction, isObject, kindOf, refuse } from '../util/checks.ts'
import { handled } from '../util/report.ts'
import { BackgroundTask } from './background-task.ts'
import { inspect, type ShowRest, shown } from './inspect.ts'
import { inside, insideOf } from './item.ts'
import { List } from './list.ts'
import { type BackgroundTasksOptions, checkedListOptions, defaultOptions } from './list-options.ts'
import { track } from './registry.ts'
import type { TaskDefinition, TaskResult } from './task-types.ts'
import { wrap, type WrapOptions } from './wrap.ts'

const none: readonly never[] = []

/**
 * An ordered list of tasks that run after one response.
 *
 * @example FastAPI's example
 * ```ts
 * import { BackgroundTasks } from 'background-tasks'
 *
 * function writeNotification(email: string, options: { message: string }): void {
 *   console.log(`notification for ${email}: ${options.message}`)
 * }
 *
 * function handler(email: string): Response {
 *   const tasks = new BackgroundTasks()
 *   tasks.addTask(writeNotification, email, { message: 'some notification' })
 *   return tasks.wrap(Response.json({ message: 'Notification sent in the background' }))
 * }
 *
 * console.log(await handler('ada@example.com').json())
 * ```
 * @see {@link https://www.starlette.io/background/#backgroundtasks | Starlette's BackgroundTasks}
 */
export class BackgroundTasks {
  readonly #list: List

  /**
   * @param tasks The first tasks; the list copies them.
   * @param options How to run them.
   * @throws `TypeError` if `tasks` is not an iterable of tasks and lists, or an option is not one.
   * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout` is
   * not above 0.
   */
  constructor(
    tasks: Iterable<BackgroundTask | BackgroundTasks> = none,
    options: BackgroundTasksOptions = defaultOptions,
  ) {
    this.#list = new List(this, checkedListOptions(options))
    if (tasks === none) return
    if (!isObject(tasks) || !(Symbol.iterator in tasks)) {
      refuse('create the list', `it is given ${kindOf(tasks)}`, 'pass a list of tasks')
    }
    for (const task of tasks) this.addTask(task)
  }

  /** The tasks and lists added so far, in order. */
  get tasks(): readonly (BackgroundTask | BackgroundTasks)[] {
    return this.#list.items.map(({ face }) => face).filter(isTaskOrList)
  }

  /**
   * How the tasks ended, in the order added, lists in the list flattened, a task added twice once.
   * Resolves when the last task and the last cleanup have ended. Never rejects.
   */
  get finished(): Promise<TaskResult[]> {
    return this.#list.finished
  }

  /**
   * Adds a function and its arguments.
   *
   * A task added by a running task runs at the end; one added after the end runs at once.
   *
   * @example A function and its arguments
   * ```ts
   * import { BackgroundTasks } from 'background-tasks'
   *
   * async function resize(path: string, options: { width: number }): Promise<void> {
   *   console.log(`${path} is ${options.width} wide`)
   * }
   *
   * const tasks = new BackgroundTasks()
   * const task = tasks.addTask(resize, 'photo.jpg', { width: 800 })
   * await tasks.run()
   * console.log(task.name, task.status) // resize fulfilled
   * ```
   * @param fn The function to call: sync or async.
   * @param args Its arguments.
   * @returns The task.
   * @throws `TypeError` if `fn` is not a function, for instance the promise of a function that has
   * been called already.
   */
  addTask<Args extends readonly unknown[]>(
    fn: (...args: Args) => unknown,
    ...args: Args
  ): BackgroundTask<Args>
  /**
   * Adds a task given as an object.
   *
   * @example A task with a limit, that wants its signal and the outcome
   * ```ts
   * import { BackgroundTasks } from 'background-tasks'
   *
   * const tasks = new BackgroundTasks()
   * tasks.addTask({
   *   name: 'refresh cache',
   *   timeout: 5000,
   *   when: ['closed', 'cancelled'],
   *   run: async ({ signal, outcome }) => {
   *     console.log('refreshing after', outcome, signal.aborted)
   *   },
   * })
   * await tasks.run()
   * ```
   * @param definition The task.
   * @returns The task.
   * @throws `TypeError` if `run` is not a function, `name` is not a string, or `when` is not a list
   * of outcomes.
   * @throws `RangeError` if `timeout` is not above 0.
   */
  addTask(definition: TaskDefinition): BackgroundTask
  /**
   * Adds a task, or a list that runs in this place. One added twice runs once.
   *
   * @example A list in a list, with rules of its own
   * ```ts
   * import { BackgroundTasks } from 'background-tasks'
   *
   * const mails = new BackgroundTasks([], { failure: 'continue' })
   * mails.addTask(console.log, 'mail to Ada')
   * mails.addTask(console.log, 'mail to Grace')
   *
   * const tasks = new BackgroundTasks()
   * tasks.addTask(mails)
   * tasks.addTask(console.log, 'after the mails')
   * await tasks.run()
   * ```
   * @param task The task or list.
   * @returns The same task or list.
   * @throws `TypeError` if the list contains this one.
   */
  addTask<Task extends BackgroundTask | BackgroundTasks>(task: Task): Task
  addTask(
    task: BackgroundTask | BackgroundTasks | TaskDefinition | ((...args: unknown[]) => unknown),
    ...args: unknown[]
  ): BackgroundTask | BackgroundTasks {
    if (!isTaskOrList(task)) {
      const added = new BackgroundTask(task as () => unknown, ...(args as []))
      this.#list.add(added[inside])
      return added
    }
    if (args.length > 0) {
      refuse('add the task', 'a task takes no arguments', 'pass them where it is made')
    }
    this.#list.add(task[inside])
    return task
  }

  /**
   * Calls `cleanup` after the last task, last added first, whatever happened: to close a session,
   * to delete a temporary file. One that fails is reported, and the next one runs all the same.
   *
   * @example Close what the tasks use
   * ```ts
   * import { BackgroundTasks } from 'background-tasks'
   *
   * const tasks = new BackgroundTasks()
   * tasks.defer(() => console.log('session closed'))
   * tasks.addTask(console.log, 'session in use')
   * await tasks.run()
   * ```
   * @param cleanup The function to call: sync or async.
   * @throws `TypeError` if it is not a function.
   * @see {@link https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/ |
   * FastAPI's dependencies with yield}
   */
  defer(cleanup: () => unknown): void {
    checkFunction('defer the cleanup', 'it', cleanup)
    this.#list.defer(new BackgroundTask(cleanup)[inside])
  }

  /**
   * Runs the tasks now, outside any request. A list runs once: a later call waits for the same end.
   *
   * @example Run them from a script
   * ```ts
   * import { BackgroundTaskError, BackgroundTasks } from 'background-tasks'
   *
   * const tasks = new BackgroundTasks([], { failure: 'continue', onError: () => {} })
   * tasks.addTask(function rotateLogs() {
   *   throw new Error('disk full')
   * })
   * tasks.addTask(console.log, 'still done')
   * try {
   *   await tasks.run()
   * } catch (error) {
   *   if (error instanceof BackgroundTaskError) console.log(error.task, 'has failed')
   * }
   * ```
   * @returns A promise for the end. It may be ignored: each failure goes to `onError` as well.
   * @throws The first {@link BackgroundTaskError}, after the end.
   */
  run(): Promise<void> {
    const list = this.#list
    if (!list.hasStarted) {
      track(list)
      void list.start(new End('closed'))
    }
    return handled(
      list.ended.then(() => {
        if (list.failure !== undefined) throw list.failure
      }),
    )
  }

  /**
   * Runs the tasks after `response`: when its body has closed, which does not say that the client
   * has received it.
   *
   * Below `provideBackgroundTasks` the response is returned as it is, and the list joins that of
   * the request. Of two responses wrapped with one list, the last one counts.
   *
   * @example A response in your hands
   * ```ts
   * import { BackgroundTasks } from 'background-tasks'
   *
   * function handler(request: Request): Response {
   *   const tasks = new BackgroundTasks()
   *   tasks.addTask(console.log, 'answered', request.url)
   *   return tasks.wrap(new Response('hello'), { request })
   * }
   *
   * console.log(await handler(new Request('http://localhost/')).text())
   * ```
   * @param response The response to send, its body not read yet.
   * @param options What the host offers.
   * @returns The response to return from the handler, in the place of `response`.
   * @throws `TypeError` if `response` is not a `Response` or is read already, an option is not one,
   * or the list has started.
   * @throws `RangeError` if `unreadTimeout` is not above 0.
   */
  wrap(response: Response, options: WrapOptions = {}): Response {
    if (this.#list.hasStarted) {
      const wrong = 'the tasks of this list have started'
      refuse('wrap the response', wrong, 'create a list per request')
    }
    return wrap(this.#list, response, options)
  }

  /** @internal */
  get [inside](): List {
    return this.#list
  }

  /** @internal */
  [inspect](_depth: number, ...rest: ShowRest): string {
    const { tasks } = this
    return shown(this, { tasks }, ...rest)
  }
}

function isTaskOrList(value: unknown): value is BackgroundTask | BackgroundTasks {
  return insideOf(value) !== undefined
}

/** True for a list, also one of another copy of this package. */
export function isBackgroundTasks(value: unknown): value is BackgroundTasks {
  return insideOf(value)?.isList === true
}
