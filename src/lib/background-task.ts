import { afterResponse, type WrapOptions } from './after-response.ts'
import type { slot } from './bag.ts'
import type { Outcome } from './body-end.ts'
import { continuation } from './continuation.ts'
import {
  BackgroundTaskError,
  checkMilliseconds,
  handled,
  isThenable,
  kindOf,
  longestTimer,
  refuse,
  report,
} from './errors.ts'
import { track, untrack } from './in-flight.ts'
import { instrumented } from './instrument.ts'
import { outside } from './platform.ts'
import {
  collect,
  type Conditions,
  ended,
  execute,
  fail,
  isIdle,
  result,
  skip,
  state,
  type Work,
} from './process-state.ts'

/** The method of a function that wants the context of its task before its arguments. */
export const withContext: unique symbol = Symbol.for('background-tasks.withContext')

/** What a task given as an object can learn about the response and its own end. */
export interface TaskContext {
  /** Aborts at the task's timeout, at `cancel()`, and at the deadline of `drain()`. */
  readonly signal: AbortSignal
  /** How the response ended. */
  readonly outcome: Outcome
  /** Why the response was cancelled or failed, or what the handler threw. */
  readonly reason: unknown
}

/** A task given as an object: for one that wants its signal, its outcome, a name or a limit. */
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
   * The outcomes for which the task runs; for another one it is skipped.
   *
   * @default the list's `when`
   */
  when?: readonly Outcome[]
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
   * - `'skipped'`: it never ran. `when` has no such outcome, a task before it failed, or it was
   *   cancelled while it waited.
   */
  status: 'fulfilled' | 'rejected' | 'skipped'
  /** How the response ended that carried the task. */
  outcome: Outcome
  /** Milliseconds that the task took; 0 when it was skipped. */
  duration: number
  /**
   * What the task threw, or why it was skipped: the error of the task that failed before it, the
   * reason of its `cancel`. There is none when it was skipped for its outcome.
   */
  error?: unknown
}

export const outcomes: readonly Outcome[] = ['closed', 'cancelled', 'errored', 'unread', 'thrown']
const answered = outcomes.slice(0, 4)

/** The arguments of a task that has none, or has ended. */
const none: readonly never[] = []

/** The arguments go to the function untyped here: the constructor has checked them by its types. */
type Callable = (...args: never[]) => unknown

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
  /** The name of the function or of the definition, or `'anonymous'`. */
  readonly name: string

  /** Only where it is accepted without a list. @internal */
  declare [slot]?: number | undefined

  #task: Callable | TaskDefinition | undefined
  #args: readonly unknown[]
  #run: Run | undefined
  #result: TaskResult | undefined
  #failure: BackgroundTaskError | undefined
  #finished: Promise<TaskResult> | undefined
  #resolve: ((result: TaskResult) => void) | undefined

  /**
   * @param fn The function to call: sync or async.
   * @param args Its arguments.
   * @throws `TypeError` if `fn` is not a function, for instance the promise of a function
   * that has been called already.
   */
  constructor(fn: (...args: Args) => unknown, ...args: Args)
  /**
   * @param definition The task as an object.
   * @throws `TypeError` if `run` is not a function, `name` is not a string, or `when` is not a list
   * of outcomes.
   * @throws `RangeError` if `timeout` is not above 0.
   */
  constructor(definition: TaskDefinition)
  constructor(task: ((...args: Args) => unknown) | TaskDefinition, ...args: Args | []) {
    const definition = typeof task === 'function' ? undefined : checkedDefinition(task, args)
    this.#task = definition ?? (task as Callable)
    this.#args = args.length === 0 ? none : args
    const name = definition === undefined ? Reflect.get(task, 'name') : definition.name
    this.name = typeof name === 'string' && name !== '' ? name : 'anonymous'
  }

  /** Where the task stands. */
  get status(): TaskStatus {
    return this.#result?.status ?? (this.#run === undefined ? 'pending' : 'running')
  }

  /** How the task ended. Never rejects. */
  get finished(): Promise<TaskResult> {
    return (this.#finished ??=
      this.#result === undefined
        ? new Promise((resolve) => (this.#resolve = resolve))
        : Promise.resolve(this.#result))
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
    const run = this.#run
    this.#finish(run === undefined ? 'skipped' : 'rejected', reason)
    run?.context?.abort(reason)
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
    const run = this.#run
    // `super.run()` of a subclass: its list runs `run`, and that the function.
    if (run !== undefined && this.#isOverridden(run)) {
      const invoke = async (): Promise<void> => void (await this.#invoke(run))
      return (run.invoked ??= handled(invoke()))
    }
    if (this.status === 'pending') {
      track(this)
      void this[execute]({ outcome: 'closed', isDirect: true })
    }
    return handled(
      this.finished.then(() => {
        if (this.#failure !== undefined) throw this.#failure
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
    const { name, status } = this
    if (status !== 'pending') {
      refuse('wrap the response', `task ${name} is ${status}`, 'create a task per response')
    }
    return afterResponse(this, response, options)
  }

  /** @internal */
  get [isIdle](): boolean {
    return this.#result !== undefined
  }

  /** @internal */
  get [ended](): Promise<unknown> {
    return this.finished
  }

  /** @internal */
  get [result](): TaskResult | undefined {
    return this.#result
  }

  /** @internal */
  [collect](items = new Set<Work>()): Set<Work> {
    return items.add(this)
  }

  /** @internal */
  [skip](reason: unknown, skipped: string[]): void {
    if (this.status !== 'pending') return
    this.#finish('skipped', reason)
    skipped.push(this.name)
  }

  /** @internal */
  [execute](conditions: Conditions): Promise<unknown> | undefined {
    if (this.#result !== undefined) {
      untrack(this)
      // Cancelled while its response was under way: how that ended is known only now.
      if (this.#result.status === 'skipped') this.#result.outcome = conditions.outcome
      return undefined
    }
    if (this.#run !== undefined) return this.finished

    const definition = typeof this.#task === 'function' ? undefined : this.#task
    const when = definition?.when ?? conditions.when ?? answered
    const timeout = definition?.timeout ?? conditions.timeout
    const run: Run = {
      conditions,
      context: undefined,
      startedAt: performance.now(),
      timer: undefined,
      tell: undefined,
      invoked: undefined,
    }
    this.#run = run
    if (!when.includes(conditions.outcome)) {
      this.#finish('skipped')
      return undefined
    }
    if (timeout !== undefined && timeout <= longestTimer) {
      run.timer = setTimeout(() => {
        this.cancel(new DOMException(`The task took longer than ${timeout} ms`, 'TimeoutError'))
      }, timeout)
    }
    if (conditions.isCleanup === true || state.instruments.size === 0) this.#perform(run)
    else instrumented(this, () => this.#perform(run))
    return this[isIdle] ? undefined : this.finished
  }

  #perform(run: Run): void {
    try {
      const returned = this.#isOverridden(run) ? this.run() : this.#invoke(run)
      // A promise may be shared and never settle: what waits for it then holds its async context.
      if (isThenable(returned)) {
        const { onError } = run.conditions
        if (onError) run.tell = continuation((failure) => report(failure, onError))
        outside(() => this.#settle(returned))
      } else this.#finish('fulfilled')
    } catch (error) {
      this.#finish('rejected', error)
    }
  }

  async #settle(returned: PromiseLike<unknown>): Promise<void> {
    try {
      await returned
      this.#finish('fulfilled')
    } catch (error) {
      this.#finish('rejected', error)
    }
  }

  /** True for a subclass, unless it is its own `run` that has called `super.run()`. */
  #isOverridden({ conditions }: Run): boolean {
    return conditions.isDirect !== true && this.run !== BackgroundTask.prototype.run
  }

  #invoke(run: Run): unknown {
    const task = this.#task
    if (typeof task === 'function' && !wantsContext(task)) {
      return Reflect.apply(task, undefined, this.#args)
    }
    const context = (run.context = new Context(run.conditions))
    return typeof task === 'function'
      ? task[withContext](context, ...this.#args)
      : task?.run(context)
  }

  #finish(status: TaskResult['status'], ...errors: [error?: unknown]): void {
    if (this.#result !== undefined) return
    const run = this.#run
    const { outcome = 'closed', isCleanup = false, onError, list } = run?.conditions ?? {}
    const duration = run && status !== 'skipped' ? performance.now() - run.startedAt : 0
    this.#result = { name: this.name, status, outcome, duration }
    if (errors.length > 0) this.#result.error = errors[0]
    if (!isCleanup) state.ended += 1
    clearTimeout(run?.timer)
    // One that is cancelled before its response has ended is on its way until then.
    if (run !== undefined) untrack(this)
    // A task that ignores its signal may never end: nothing of the request may hang on it.
    this.#task = this.#run = undefined
    this.#args = none
    if (status === 'rejected') {
      const skipped: string[] = []
      this.#failure = new BackgroundTaskError(this.name, errors[0], skipped)
      list?.[fail](this.#failure, skipped, !isCleanup)
    }
    const failure = this.#failure
    if (failure !== undefined) run?.tell?.(failure)
    this.#resolve?.(this.#result)
    if (failure !== undefined && run?.tell === undefined) report(failure, onError)
  }
}

/** What is known of a task while it runs. */
interface Run {
  readonly conditions: Conditions
  /** Where the task wants one. */
  context: Context | undefined
  readonly startedAt: number
  timer: ReturnType<typeof setTimeout> | undefined
  /** Reports its failure in the async context of the list. */
  tell: ((failure: BackgroundTaskError) => void) | undefined
  /** The promise of the function, where a subclass calls it. */
  invoked: Promise<void> | undefined
}

/** A function that wants the context of its task before its arguments. */
interface ContextFunction {
  [withContext](context: TaskContext, ...args: unknown[]): unknown
}

function wantsContext(fn: Callable): fn is Callable & ContextFunction {
  return withContext in fn && typeof fn[withContext] === 'function'
}

/** Creates its controller when the signal is first asked for: most tasks never do. */
class Context implements TaskContext {
  readonly outcome: Outcome
  readonly reason: unknown
  #controller: AbortController | undefined

  constructor({ outcome, reason }: Conditions) {
    this.outcome = outcome
    this.reason = reason
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }
}

/** Refuses outcomes that do not exist. */
export function checkWhen(verb: string, when: unknown): void {
  if (when === undefined) return
  if (Array.isArray(when) && when.every((outcome) => outcomes.includes(outcome))) return
  refuse(verb, 'when is not a list of outcomes', `use ${outcomes.join(', ')}`)
}

/** Checked and copied: what becomes of the object after that changes no task. */
function checkedDefinition(task: TaskDefinition, args: readonly unknown[]): TaskDefinition {
  const verb = 'add the task'
  const advice = 'pass the function itself and its arguments after it'
  if (isThenable(task)) refuse(verb, 'it is a promise, so its function runs already', advice)
  const { name, run, timeout, when }: TaskDefinition = Object(task)
  // A `run` that every object has is somebody's polluted prototype.
  if (typeof run !== 'function' || run === Reflect.get(Object.prototype, 'run')) {
    refuse(verb, `it is ${kindOf(task)} without a function run`, advice)
  }
  // Parsed from outside, and on its way to somebody's prototype.
  const hostile = ['__proto__', 'constructor', 'prototype'].find((key) => Object.hasOwn(task, key))
  if (hostile !== undefined) refuse(verb, `it has a property ${hostile}`, 'leave that out')
  if (name !== undefined && typeof name !== 'string') {
    refuse(verb, `its name is ${kindOf(name)}`, 'pass a string')
  }
  if (args.length > 0) refuse(verb, 'a definition takes no arguments', 'use them in its run')
  checkMilliseconds(verb, 'timeout', timeout)
  checkWhen(verb, when)
  return {
    name: name ?? run.name,
    run: (context) => Reflect.apply(run, task, [context]),
    ...(timeout !== undefined && { timeout }),
    ...(when && { when: [...when] }),
  }
}
