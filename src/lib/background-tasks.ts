import { afterResponse, type WrapOptions } from './after-response.ts'
import {
  BackgroundTask,
  checkWhen,
  outcomes,
  type TaskDefinition,
  type TaskResult,
} from './background-task.ts'
import type { Outcome } from './body-end.ts'
import { slot } from './bag.ts'
import { continuation } from './continuation.ts'
import {
  type BackgroundTaskError,
  checkFunction,
  checkMilliseconds,
  checkObject,
  handled,
  kindOf,
  refuse,
} from './errors.ts'
import { isTask, track, untrack } from './in-flight.ts'
import { nextMacrotask } from './platform.ts'
import {
  addFirst,
  collect,
  type Conditions,
  ended,
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
   * How many tasks run at a time: a whole number from 1, or `Infinity`. `1` is in order, one after
   * the other; `Infinity` is all at once.
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
   * Milliseconds, above 0, that each task and cleanup may take.
   *
   * @default Infinity
   */
  timeout?: number
  /**
   * The outcomes for which the tasks run; for another one they are skipped. Cleanups always run.
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

type ListOptions = BackgroundTasksOptions &
  Required<Pick<BackgroundTasksOptions, 'concurrency' | 'failure'>>

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
  readonly #options: ListOptions
  #cleanups: BackgroundTask[] = none
  /** How many of the tasks have been added as first. */
  #firsts = 0
  /** From its start on. */
  #run: Run | undefined
  /** What its handler threw, if it did. */
  #thrown: Conditions | undefined
  /** Why what has not started is skipped. */
  #stop: { readonly reason: unknown } | undefined
  #ended: Promise<void> | undefined
  #resolve: (() => void) | undefined
  #finished: Promise<TaskResult[]> | undefined;

  /** @internal */
  [trigger]?: object | undefined;

  /** @internal */
  [slot]?: number | undefined

  /**
   * @param tasks The first tasks; the list copies them.
   * @param options How to run them.
   * @throws `TypeError` if `tasks` is not an iterable of tasks and lists, or an option is not one.
   * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout` is
   * not above 0.
   */
  constructor(tasks: Iterable<Item> = none, options: BackgroundTasksOptions = defaults) {
    this.#options = listOptions(options)
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
    return (this.#finished ??= this[ended].then(() =>
      [...this[collect]()].filter(isTask).flatMap((task) => task[result] ?? []),
    ))
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
    task: Item | TaskDefinition | ((...args: unknown[]) => unknown),
    ...args: unknown[]
  ): Item {
    const item = isItem(task) ? task : new BackgroundTask(task as () => unknown, ...(args as []))
    if (item === task && args.length > 0) {
      refuse('add the task', 'a task takes no arguments', 'pass them where it is made')
    }
    if (!isTask(item) && item[collect]().has(this)) {
      refuse('add the list', 'it contains this list', 'add its tasks instead')
    }
    this.#tasks = added(this.#tasks, item)
    this.#noticeAdded()
    return item
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
    this.#cleanups = added(this.#cleanups, new BackgroundTask(cleanup))
    this.#noticeAdded()
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
    if (this.#run === undefined) {
      track(this)
      void this[execute]({ outcome: 'closed' })
    }
    return handled(
      this[ended].then(() => {
        const { failure } = this.#run ?? {}
        if (failure !== undefined) throw failure
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
    if (this.#run !== undefined) {
      const wrong = 'the tasks of this list have started'
      refuse('wrap the response', wrong, 'create a list per request')
    }
    return afterResponse(this, response, options)
  }

  /** Adds it before the others, after those that were added so. @internal */
  [addFirst](item: Item): void {
    if (this.#run !== undefined) {
      this.addTask(item)
      return
    }
    this.#tasks = [...this.#tasks]
    this.#tasks.splice(this.#firsts++, 0, item)
    this.#noticeAdded()
  }

  /** The handler threw: so this list ends, whatever becomes of the request. @internal */
  [markThrown](reason: unknown): void {
    this.#thrown = { outcome: 'thrown', reason }
  }

  /** @internal */
  get [isIdle](): boolean {
    return this[hasEnded] || this.#tasks.length + this.#cleanups.length === 0
  }

  /** @internal */
  get [hasEnded](): boolean {
    return this.#run?.isOver === true
  }

  /** @internal */
  get [ended](): Promise<void> {
    return (this.#ended ??= this[hasEnded]
      ? Promise.resolve()
      : new Promise((resolve) => (this.#resolve = resolve)))
  }

  /** @internal */
  [collect](items = new Set<Work>()): Set<Work> {
    // One list may stand at many places: they must not be walked through one by one.
    if (items.has(this)) return items
    items.add(this)
    for (const item of this.#tasks) item[collect](items)
    const { cleanup } = this.#run ?? {}
    return cleanup === undefined || cleanup[isIdle] ? items : items.add(cleanup)
  }

  /** @internal */
  [skip](reason: unknown, skipped: string[]): void {
    this.#stop = { reason }
    for (const item of this.#tasks.slice(this.#run?.next)) item[skip](reason, skipped)
  }

  /** @internal */
  [fail](failure: BackgroundTaskError, skipped: string[], stops: boolean): void {
    const stopsThis = stops && this.#options.failure !== 'continue'
    if (stopsThis) this[skip](failure.cause, skipped)
    const run = this.#run
    if (run === undefined) return
    run.failure ??= failure
    run.parent?.[fail](failure, skipped, stopsThis)
  }

  /** @internal */
  [execute](conditions: Conditions): Promise<unknown> | undefined {
    if (this.#run === undefined) {
      const { outcome, reason } = this.#thrown ?? conditions
      const { timeout = conditions.timeout, when = conditions.when } = this.#options
      const { onError = conditions.onError } = this.#options
      this.#run = {
        conditions: { outcome, reason, timeout, when, onError, list: this },
        parent: conditions.list,
        failure: undefined,
        next: 0,
        running: 0,
        cleanup: undefined,
        wake: undefined,
        isOver: false,
      }
      this.#proceed(this.#run)
    }
    return this[hasEnded] ? undefined : this[ended]
  }

  /** Starts as many tasks as may run, then the cleanups; each that ends calls it again. */
  #proceed(run: Run): void {
    const { concurrency } = this.#options
    while (!run.isOver) {
      const hasTask = run.next < this.#tasks.length
      if (run.running >= (hasTask ? concurrency : 1)) {
        if (run.running < concurrency) run.wake = continuation(() => this.#proceed(run))
        return
      }
      const item = hasTask ? this.#tasks[run.next++] : (run.cleanup = this.#cleanups.pop())
      if (item === undefined) this.#end(run)
      else this.#start(item, run)
    }
  }

  #start(item: Item, run: Run): void {
    const isCleanup = item === run.cleanup
    if (!isCleanup && this.#stop !== undefined) item[skip](this.#stop.reason, [])
    const { conditions } = run
    const finished = item[execute](
      isCleanup ? { ...conditions, when: outcomes, isCleanup } : conditions,
    )
    if (finished === undefined) return
    run.running += 1
    void finished.then(() => {
      run.running -= 1
      this.#proceed(run)
    })
  }

  #end(run: Run): void {
    run.isOver = true
    run.parent = run.wake = this.#stop = undefined
    this.#resolve?.()
    untrack(this)
  }

  /** Lets a task be seen that was added while the list runs, or after its end. */
  #noticeAdded(): void {
    const run = this.#run
    if (run?.isOver === true) {
      run.isOver = false
      this.#ended = this.#finished = undefined
      nextMacrotask({ run: continuation(() => this.#proceed(run)) })
    } else {
      run?.wake?.()
    }
    if (run !== undefined || this[trigger] !== undefined) track(this)
  }
}

/** What is known of a list from its start on. */
interface Run {
  readonly conditions: Conditions
  /** The list that this one runs in. */
  parent: BackgroundTasks | undefined
  /** The first one, of lists in this one too. */
  failure: BackgroundTaskError | undefined
  /** The index of the task to start next. */
  next: number
  /** How many tasks, or cleanups, are running. */
  running: number
  /** The one that is running. */
  cleanup: BackgroundTask | undefined
  /** Goes on, in the async context of the list, when a task is added. */
  wake: (() => void) | undefined
  isOver: boolean
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

/** Those of a handler are looked at once, not with each request. */
const checked = new WeakSet<object>()
const defaults = listOptions({})

/** The options, checked and copied: what becomes of the object after that changes no list. */
export function listOptions(options: BackgroundTasksOptions): ListOptions {
  if (isChecked(options)) return options
  const verb = 'create the list'
  checkObject(verb, options)
  const { concurrency = 1, failure = 'stop', timeout, when, onError } = options
  if (!(concurrency === Infinity || (Number.isInteger(concurrency) && concurrency >= 1))) {
    const shown = typeof concurrency === 'number' ? concurrency : kindOf(concurrency)
    refuse(verb, `concurrency is ${shown}`, 'pass a whole number from 1 or Infinity', RangeError)
  }
  if (failure !== 'stop' && failure !== 'continue') {
    refuse(verb, `failure is ${kindOf(failure)}`, "pass 'stop' or 'continue'")
  }
  if (onError !== undefined) checkFunction(verb, 'onError', onError)
  checkMilliseconds(verb, 'timeout', timeout)
  checkWhen(verb, when)
  // Property by property: those of a prototype count too.
  const copy: ListOptions = { concurrency, failure }
  if (timeout !== undefined) copy.timeout = timeout
  if (when !== undefined) copy.when = when
  if (onError !== undefined) copy.onError = onError
  checked.add(copy)
  return copy
}

function isChecked(options: BackgroundTasksOptions): options is ListOptions {
  return checked.has(options)
}
