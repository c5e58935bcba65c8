import { nextMacrotask } from '#platform'
import { afterResponse, type WrapOptions } from './after-response.ts'
import {
  BackgroundTask,
  checkWhen,
  outcomes,
  type TaskDefinition,
  type TaskResult,
} from './background-task.ts'
import type { Outcome } from './body-end.ts'
import { continuation } from './continuation.ts'
import {
  type BackgroundTaskError,
  checkFunction,
  checkMilliseconds,
  handled,
  kindOf,
  refuse,
} from './errors.ts'
import { isTask, track, untrack } from './in-flight.ts'
import {
  collect,
  type Conditions,
  execute,
  fail,
  hasEnded,
  isIdle,
  result,
  skip,
  trigger,
  type Work,
} from './process-state.ts'

/** How a list runs its tasks. */
export interface BackgroundTasksOptions {
  /**
   * How many tasks run at a time, at least 1. `1` is in order, one after the other; `Infinity` is
   * all at once.
   *
   * @default 1
   */
  concurrency?: number
  /**
   * What a failed task means for those after it: `'stop'` skips them, `'continue'` runs them.
   *
   * @default 'stop'
   * @see {@link https://www.starlette.io/background/#backgroundtasks | Starlette, which stops}
   */
  failure?: 'stop' | 'continue'
  /**
   * Milliseconds that each task and cleanup may take.
   *
   * @default Infinity
   */
  timeout?: number
  /**
   * The outcomes for which the tasks run.
   *
   * @default every outcome but 'thrown'
   */
  when?: readonly Outcome[]
  /**
   * Hears of each failure, once. What it throws itself is printed.
   *
   * @default console.error
   */
  onError?: (error: BackgroundTaskError) => void
}

type Item = BackgroundTask | BackgroundTasks

/** Shared by all lists: each response on its way has one, and most have one task and no cleanup. */
const none: never[] = []

/** Ends the list as one whose handler threw. */
export const markThrown: unique symbol = Symbol('markThrown')

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
  #tasks: Item[] = none
  readonly #options: BackgroundTasksOptions
  #cleanups: BackgroundTask[] = none
  #status: 'pending' | 'running' | 'ended' = 'pending'
  #conditions: Conditions | undefined
  #parent: BackgroundTasks | undefined
  /** The index of the task to start next. */
  #next = 0
  #running = 0
  /** The first failure, of lists in this one too. */
  #failure: BackgroundTaskError | undefined
  /** Why what has not started is skipped. */
  #stop: { readonly reason: unknown } | undefined
  /** Goes on, in the async context of the list, when a task is added. */
  #wake: (() => void) | undefined
  #finished: Promise<TaskResult[]> | undefined
  #resolve: ((results: TaskResult[]) => void) | undefined;

  /** @internal */
  [trigger]?: object | undefined

  /** @internal */
  slot?: number | undefined

  /**
   * @param tasks The first tasks; the list copies them.
   * @param options How to run them.
   * @throws `TypeError` or `RangeError` if a task or an option is not one.
   */
  constructor(tasks: Iterable<Item> = [], options: BackgroundTasksOptions = {}) {
    checkOptions(options)
    this.#options = options
    if (typeof tasks !== 'object' || tasks === null || !(Symbol.iterator in tasks)) {
      refuse('create the list', `it is given ${kindOf(tasks)}`, 'pass a list of tasks')
    }
    for (const task of tasks) this.addTask(task)
  }

  /** The tasks and lists added so far, in order. */
  get tasks(): readonly Item[] {
    return [...this.#tasks]
  }

  /**
   * How the tasks ended, in the order added, lists in the list flattened, a task added twice once.
   * Resolves when the last task and the last cleanup have ended. Never rejects.
   */
  get finished(): Promise<TaskResult[]> {
    return (this.#finished ??=
      this.#status === 'ended'
        ? Promise.resolve(this.#results())
        : new Promise((resolve) => (this.#resolve = resolve)))
  }

  /**
   * Adds a function and its arguments.
   *
   * A task added by a running task runs at the end; one added after the end runs at once.
   *
   * @param fn The function to call: sync or async.
   * @param args Its arguments.
   * @returns The task.
   * @throws `TypeError` if `fn` is not a function.
   */
  addTask<Args extends readonly unknown[]>(
    fn: (...args: Args) => unknown,
    ...args: Args
  ): BackgroundTask<Args>
  /**
   * Adds a task given as an object.
   *
   * @param definition The task.
   * @throws `TypeError` or `RangeError` if the definition is not one.
   */
  addTask(definition: TaskDefinition): BackgroundTask
  /**
   * Adds a task, or a list that runs in this place.
   *
   * @param task The task or list.
   * @throws `TypeError` if the list contains this one.
   */
  addTask<Task extends BackgroundTask | BackgroundTasks>(task: Task): Task
  addTask(
    task: Item | TaskDefinition | ((...args: unknown[]) => unknown),
    ...args: unknown[]
  ): Item {
    const item = isItem(task) ? task : new BackgroundTask(task as () => unknown, ...(args as []))
    if (item[collect]().has(this)) {
      refuse('add the list', 'it contains this list', 'add its tasks instead')
    }
    this.#tasks = added(this.#tasks, item)
    this.#noticeAdded()
    return item
  }

  /**
   * Calls `cleanup` after the last task, last added first, whatever happened: to close a session,
   * to delete a temporary file.
   *
   * @param cleanup The function to call: sync or async.
   * @throws `TypeError` if it is not a function.
   * @see {@link https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/ |
   * FastAPI's dependencies with yield}
   */
  defer(cleanup: () => unknown): void {
    checkFunction('defer the cleanup', 'it', cleanup)
    this.#cleanups = added(this.#cleanups, new BackgroundTask(cleanup))
    this.#noticeAdded()
  }

  /**
   * Runs the tasks now, outside any request. A list runs once: a later call waits for the same end.
   *
   * @returns A promise for the end. It may be ignored: each failure goes to `onError` as well.
   * @throws The first {@link BackgroundTaskError}, after the end.
   */
  run(): Promise<void> {
    if (this.#status === 'pending') {
      track(this)
      void this[execute]({ outcome: 'closed' })
    }
    return handled(
      this.finished.then(() => {
        if (this.#failure !== undefined) throw this.#failure
      }),
    )
  }

  /**
   * Runs the tasks after `response`.
   *
   * Below `provideBackgroundTasks` the response is returned as it is, and the list joins that of
   * the request. Of two responses wrapped with one list, the last one counts.
   *
   * @param response The response to send, its body not read yet.
   * @param options What the host offers.
   * @returns The response to return from the handler, in the place of `response`.
   * @throws `TypeError` if `response` is not a `Response` or is read already, or the list has
   * run.
   */
  wrap(response: Response, options: WrapOptions = {}): Response {
    if (this.#status !== 'pending') {
      const wrong = 'the tasks of this list have started'
      refuse('wrap the response', wrong, 'create a list per request')
    }
    return afterResponse(this, response, options)
  }

  /** The handler threw: so this list ends, whatever becomes of the request. @internal */
  [markThrown](reason: unknown): void {
    if (this.#status === 'pending') this.#conditions = { outcome: 'thrown', reason }
  }

  /** @internal */
  get [isIdle](): boolean {
    return this[hasEnded] || this.#tasks.length + this.#cleanups.length === 0
  }

  /** @internal */
  get [hasEnded](): boolean {
    return this.#status === 'ended'
  }

  /** @internal */
  [collect](items = new Set<Work>()): Set<Work> {
    // One list may stand at many places: they must not be walked through one by one.
    if (items.has(this)) return items
    items.add(this)
    for (const item of this.#tasks) item[collect](items)
    return items
  }

  /** @internal */
  [skip](reason: unknown, skipped: string[]): void {
    this.#stop = { reason }
    for (const item of this.#tasks.slice(this.#next)) item[skip](reason, skipped)
  }

  /** @internal */
  [fail](failure: BackgroundTaskError, skipped: string[], stops: boolean): void {
    this.#failure ??= failure
    const stopsThis = stops && this.#options.failure !== 'continue'
    if (stopsThis) this[skip](failure.cause, skipped)
    this.#parent?.[fail](failure, skipped, stopsThis)
  }

  /** @internal */
  [execute](conditions: Conditions): Promise<unknown> | undefined {
    if (this.#status === 'pending') {
      const { outcome, reason } = this.#conditions ?? conditions
      const { timeout = conditions.timeout, when = conditions.when } = this.#options
      const { onError = conditions.onError } = this.#options
      this.#conditions = { outcome, reason, timeout, when, onError, list: this }
      this.#parent = conditions.list
      this.#status = 'running'
      this.#proceed()
    }
    return this[hasEnded] ? undefined : this.finished
  }

  /** Starts as many tasks as may run, then the cleanups; each that ends calls it again. */
  #proceed(): void {
    const { concurrency = 1 } = this.#options
    while (this.#status === 'running') {
      const hasTask = this.#next < this.#tasks.length
      if (this.#running >= (hasTask ? concurrency : 1)) {
        if (this.#running < concurrency) this.#wake = continuation(() => this.#proceed())
        return
      }
      const item = hasTask ? this.#tasks[this.#next++] : this.#cleanups.pop()
      if (item === undefined) this.#end()
      else this.#start(item, !hasTask)
    }
  }

  #start(item: Item, isCleanup: boolean): void {
    let conditions = this.#conditions ?? { outcome: 'closed' }
    if (isCleanup) {
      conditions = { ...conditions, when: outcomes, isCleanup }
      // For `drain()`, which looks for tasks.
      track(item)
    } else if (this.#stop !== undefined) {
      item[skip](this.#stop.reason, [])
    }
    const ended = item[execute](conditions)
    if (ended === undefined) return
    this.#running += 1
    void ended.then(() => {
      this.#running -= 1
      this.#proceed()
    })
  }

  #end(): void {
    this.#status = 'ended'
    this.#stop = this.#parent = this.#wake = undefined
    this.#resolve?.(this.#results())
    untrack(this)
  }

  /** Lets a task be seen that was added while the list runs, or after its end. */
  #noticeAdded(): void {
    if (this[hasEnded]) {
      this.#status = 'running'
      this.#finished = undefined
      nextMacrotask({ run: continuation(() => this.#proceed()) })
    } else {
      this.#wake?.()
    }
    if (this.#status === 'running' || this[trigger] !== undefined) track(this)
  }

  #results(): TaskResult[] {
    return [...this[collect]()].filter(isTask).flatMap((task) => task[result] ?? [])
  }
}

/** The first one makes an array for one: that of a `push` has room for 17. */
function added<Value>(values: Value[], value: Value): Value[] {
  if (values === none) return [value]
  values.push(value)
  return values
}

/** True for a task or a list, also one of another copy of this package. */
function isItem(task: unknown): task is Item {
  return typeof task === 'object' && task !== null && execute in task
}

function checkOptions(options: BackgroundTasksOptions): void {
  const { concurrency = 1, failure = 'stop', timeout, when, onError } = options
  const verb = 'create the list'
  if (!(concurrency === Infinity || (Number.isInteger(concurrency) && concurrency >= 1))) {
    refuse(
      verb,
      `concurrency is ${concurrency}`,
      'pass a whole number from 1 or Infinity',
      RangeError,
    )
  }
  if (failure !== 'stop' && failure !== 'continue') {
    refuse(verb, `failure is ${kindOf(failure)}`, "pass 'stop' or 'continue'")
  }
  if (onError !== undefined) checkFunction(verb, 'onError', onError)
  checkMilliseconds(verb, 'timeout', timeout)
  checkWhen(verb, when)
}
