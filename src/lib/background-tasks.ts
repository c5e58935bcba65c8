import { afterResponse, startSoon, type WrapOptions } from './after-response.ts'
import {
  BackgroundTask,
  checkWhen,
  type Conditions,
  execute,
  outcomes,
  result,
  skip,
  type TaskDefinition,
  type TaskResult,
} from './background-task.ts'
import type { Outcome } from './body-end.ts'
import { BackgroundTaskError, checkMilliseconds, handled, kindOf, report } from './errors.ts'
import { track, untrack } from './in-flight.ts'
import { abandon, begin, hasEnded, isIdle, trigger, type Work } from './process-state.ts'

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

/** What a list hands down to a list in it. */
interface ListConditions extends Conditions {
  readonly parent?: BackgroundTasks
  readonly onError?: BackgroundTasksOptions['onError']
}

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
  readonly #tasks: Item[] = []
  readonly #options: BackgroundTasksOptions
  #cleanups: BackgroundTask[] | undefined
  #status: 'pending' | 'running' | 'ended' = 'pending'
  #conditions: ListConditions = { outcome: 'closed' }
  #parent: BackgroundTasks | undefined
  /** The index of the task to start next. */
  #next = 0
  #running = 0
  #failure: { error: unknown } | undefined
  #thrown: { reason: unknown } | undefined
  /** The first failure, of lists in this one too. */
  #error: BackgroundTaskError | undefined
  #cleaning: BackgroundTask | undefined
  /** Resumes in the async context of the list when a task is added. */
  #wake: (() => void) | undefined
  #finished: Promise<TaskResult[]> | undefined
  #resolve: ((results: TaskResult[]) => void) | undefined;

  /** @internal */
  [trigger]?: object

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
      throw new TypeError(
        `Cannot create the list: it is given ${kindOf(tasks)}, pass a list of tasks`,
      )
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
    const definition = isForeign(task) ? definitionOf(task) : task
    const item = isItem(task)
      ? task
      : new BackgroundTask(definition as () => unknown, ...(args as []))
    if (item instanceof BackgroundTasks && item.#contains(this)) {
      throw new TypeError('Cannot add the list: it contains this list, add its tasks instead')
    }
    this.#tasks.push(item)
    this.#proceedLater()
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
    if (typeof cleanup !== 'function') {
      throw new TypeError(`Cannot defer the cleanup: it is ${kindOf(cleanup)}, pass a function`)
    }
    const cleanups = (this.#cleanups ??= [])
    cleanups.push(new BackgroundTask({ name: cleanup.name, run: () => cleanup(), when: outcomes }))
    this.#proceedLater()
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
      this[begin]('closed', undefined)
    }
    return handled(
      this.finished.then(() => {
        if (this.#error !== undefined) throw this.#error
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
      throw new TypeError(
        'Cannot wrap the response: the tasks of this list have started, create a list per request',
      )
    }
    return afterResponse(this, response, options)
  }

  /** The handler threw: so this list ends, whatever becomes of the request. @internal */
  [markThrown](reason: unknown): void {
    this.#thrown = { reason }
  }

  /** @internal */
  get [isIdle](): boolean {
    return this[hasEnded] || (this.#tasks.length === 0 && this.#cleanups === undefined)
  }

  /** @internal */
  get [hasEnded](): boolean {
    return this.#status === 'ended'
  }

  /** @internal */
  [begin](outcome: Outcome, reason: unknown): void {
    if (this.#status === 'running') this.#proceed()
    else void this[execute]({ outcome, reason })
  }

  /** @internal */
  [abandon](reason: unknown): BackgroundTask[] {
    return [...this.#tasks, this.#cleaning].flatMap((task) => task?.[abandon](reason) ?? [])
  }

  /** @internal */
  [skip](reason: unknown, skipped: string[]): void {
    this.#failure = { error: reason }
    for (const task of this.#tasks.slice(this.#next)) task[skip](reason, skipped)
  }

  /** @internal */
  [execute](conditions: ListConditions): Promise<unknown> | undefined {
    if (this.#status === 'pending') {
      const { timeout = conditions.timeout, when = conditions.when } = this.#options
      const { onError = conditions.onError } = this.#options
      const outcome = this.#thrown === undefined ? conditions.outcome : 'thrown'
      const { reason } = this.#thrown ?? conditions
      this.#parent = conditions.parent
      this.#conditions = { outcome, reason, timeout, when, onError, parent: this }
      this.#status = 'running'
      this.#proceed()
    }
    return this.#status === 'ended' ? undefined : this.finished
  }

  /** Starts as many tasks as may run, then the cleanups; each that ends calls it again. */
  #proceed(): void {
    const { concurrency = 1 } = this.#options
    while (this.#status === 'running') {
      const isTask = this.#next < this.#tasks.length
      if (this.#running >= (isTask ? concurrency : 1)) {
        if (this.#running < concurrency) this.#park()
        return
      }
      const item = isTask ? this.#tasks[this.#next++] : this.#cleanups?.pop()
      if (item === undefined) this.#end()
      else this.#start(item, isTask)
    }
  }

  #park(): void {
    void new Promise<void>((resolve) => (this.#wake = resolve)).then(() => this.#proceed())
  }

  #start(item: Item, isTask: boolean): void {
    if (isTask && this.#failure !== undefined) item[skip](this.#failure.error, [])
    // One that another list runs, or has run, is that list's to report.
    const isOwn = item instanceof BackgroundTask && item.status === 'pending'
    const ended = item[execute](
      isTask ? this.#conditions : { ...this.#conditions, isCleanup: true },
    )
    if (ended === undefined) {
      if (isOwn && item[result]?.status === 'rejected') this.#fail(item, isTask)
      return
    }
    this.#running += 1
    if (!isTask && item instanceof BackgroundTask) this.#cleaning = item
    void ended.then(() => {
      this.#running -= 1
      if (isOwn && item[result]?.status === 'rejected') this.#fail(item, isTask)
      this.#proceed()
    })
  }

  #fail(task: BackgroundTask, isTask: boolean): void {
    const cause = task[result]?.error
    const skipped: string[] = []
    const error = new BackgroundTaskError(task.name, cause, skipped)
    let stops = isTask
    // oxlint-disable-next-line no-this-alias -- it climbs
    let list: BackgroundTasks | undefined = this
    while (list !== undefined) {
      list.#error ??= error
      stops &&= list.#options.failure !== 'continue'
      if (stops) list[skip](cause, skipped)
      list = list.#parent
    }
    report(error, this.#conditions.onError)
  }

  #end(): void {
    this.#status = 'ended'
    this.#failure = this.#parent = this.#cleaning = this.#wake = undefined
    this.#resolve?.(this.#results())
    untrack(this)
  }

  /** Lets a task be seen that was added while the list runs, or after its end. */
  #proceedLater(): void {
    if (this.#status === 'running') {
      this.#wake?.()
    } else if (this.#status === 'ended') {
      this.#status = 'running'
      this.#finished = undefined
      startSoon(this, this.#conditions.outcome)
    } else if (this[trigger] !== undefined) {
      track(this)
    }
  }

  #results(): TaskResult[] {
    const tasks = new Set<BackgroundTask>()
    this.#flattenInto(tasks)
    return [...tasks].flatMap((task) => task[result] ?? [])
  }

  #flattenInto(tasks: Set<BackgroundTask>, seen = new Set<Item>()): void {
    seen.add(this)
    for (const task of this.#tasks) {
      if (task instanceof BackgroundTask) tasks.add(task)
      else if (!seen.has(task)) task.#flattenInto(tasks, seen)
    }
  }

  /** `seen` holds the lists looked into: one may stand at many places. */
  #contains(list: BackgroundTasks, seen = new Set<Item>()): boolean {
    if (this === list) return true
    if (seen.has(this)) return false
    seen.add(this)
    return this.#tasks.some((task) => task instanceof BackgroundTasks && task.#contains(list, seen))
  }
}

function isItem(task: object): task is Item {
  return task instanceof BackgroundTask || task instanceof BackgroundTasks
}

/** True for a task or a list of another copy of this package, as bundlers make them. */
function isForeign(task: unknown): task is Work {
  return typeof task === 'object' && task !== null && begin in task && !isItem(task)
}

/** What another copy has made, as one task: it keeps its own rules, and learns how this list ended. */
function definitionOf(work: Work): TaskDefinition {
  return {
    name: 'list',
    when: outcomes,
    run: ({ outcome, reason }) => {
      work[begin](outcome, reason)
      return work.finished
    },
  }
}

function checkOptions(options: BackgroundTasksOptions): void {
  const { concurrency = 1, failure = 'stop', timeout, when, onError } = options
  if (!(concurrency === Infinity || (Number.isInteger(concurrency) && concurrency >= 1))) {
    throw new RangeError(
      `Cannot create the list: concurrency is ${concurrency}, pass a whole number from 1 or Infinity`,
    )
  }
  if (failure !== 'stop' && failure !== 'continue') {
    throw new TypeError(
      `Cannot create the list: failure is ${kindOf(failure)}, pass 'stop' or 'continue'`,
    )
  }
  if (onError !== undefined && typeof onError !== 'function') {
    throw new TypeError(`Cannot create the list: onError is ${kindOf(onError)}, pass a function`)
  }
  checkMilliseconds('create the list', 'timeout', timeout)
  checkWhen('create the list', when)
}
