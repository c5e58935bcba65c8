import type { Exchange } from '../response/exchange.ts'
import type { ResponseEnd } from '../response/outcome.ts'
import { isThenable } from '../util/checks.ts'
import { continuation } from '../util/continuation.ts'
import { later } from '../util/later.ts'
import { report } from '../util/report.ts'
import { longestTimer } from '../util/timers.ts'
import { BackgroundTaskError } from './background-task-error.ts'
import { wantsContext, withContext } from './context-function.ts'
import { instrumented } from './instrumented.ts'
import { type Item, Listed, type Terms } from './item.ts'
import { beginWithin } from './limited.ts'
import { outside } from './outside.ts'
import { registry, untrack } from './registry.ts'
import type { TaskContext, TaskDefinition, TaskResult, TaskStatus } from './task-types.ts'
import { isFor } from './when.ts'

/** Arguments go to the function untyped here: the public constructor has checked them by its types. */
export type Callable = (...args: never) => unknown

const none: readonly never[] = []

/** The inside of a `BackgroundTask`: it is pending, it runs, it has ended. */
export class Task extends Listed implements Item {
  readonly isList = false
  readonly hasHandler = false
  readonly face: object
  readonly name: string
  slot: number | undefined
  status: TaskStatus = 'pending'
  result: TaskResult | undefined
  failure: BackgroundTaskError | undefined
  /** A cleanup is not a task: no span, no result, no `when` and no `limit`. */
  isCleanup = false
  /** Whether somebody may ask for its function and arguments, to run it elsewhere. */
  isAbandoned = false
  // Private, like all that may be secret: whatever prints a list must not show them.
  #func: Callable | undefined
  #args: readonly unknown[] | undefined
  #definition: TaskDefinition | undefined
  #exchange: Exchange | undefined
  /** From its turn on. */
  #turn: Turn | undefined
  #isInstrumented = false
  #ended: Promise<TaskResult> | undefined
  #resolve: ((result: TaskResult) => void) | undefined

  constructor(
    face: object,
    name: unknown,
    work: Callable | TaskDefinition,
    args: readonly unknown[],
  ) {
    super()
    this.face = face
    this.name = typeof name === 'string' && name !== '' ? name : 'anonymous'
    if (typeof work === 'function') {
      this.#func = work
      this.#args = args.length === 0 ? none : args
    } else {
      this.#definition = work
    }
  }

  get func(): Callable | undefined {
    return this.#func
  }

  get args(): readonly unknown[] | undefined {
    return this.#args
  }

  get isIdle(): boolean {
    return this.result !== undefined
  }

  get ended(): Promise<TaskResult> {
    return (this.#ended ??=
      this.result === undefined
        ? new Promise((resolve) => (this.#resolve = resolve))
        : Promise.resolve(this.result))
  }

  get hasStarted(): boolean {
    return this.#turn !== undefined || this.result !== undefined
  }

  waitFor(exchange: Exchange): void {
    this.#exchange?.remove(this)
    this.#exchange = exchange
    exchange.add(this)
  }

  collect(items: Set<Item>): Set<Item> {
    return items.add(this)
  }

  skip(reason: unknown, skipped: string[]): void {
    if (this.status !== 'pending') return
    this.#finish('skipped', reason)
    skipped.push(this.name)
  }

  /** Gives up on it, as its user wants. */
  cancel(reason: unknown): void {
    if (this.status === 'pending') this.#finish('skipped', reason)
    else this.giveUp(reason)
  }

  /** Counts it as failed, and waits for it no longer. */
  giveUp(reason: unknown, skipped: string[] = []): void {
    const context = this.#turn?.context
    this.#finish('rejected', reason, skipped)
    context?.abort(reason)
  }

  start(end: ResponseEnd, terms: Terms = {}): PromiseLike<unknown> | undefined {
    if (this.result !== undefined) {
      untrack(this)
      // Cancelled while its response was under way: how that ended is known only now.
      if (this.status === 'skipped') this.result.outcome = end.outcome
      return undefined
    }
    if (this.#turn === undefined) {
      const turn = (this.#turn = { end, terms })
      this.inContext(() => this.#take(turn))
    }
    if (registry.instruments.size > 0) return this.ended.then(() => new Promise<void>(later))
    return this.isIdle ? undefined : this.ended
  }

  /** Its turn has come. */
  #take({ end, terms }: Turn): void {
    if (this.isIdle) return
    try {
      if (!this.isCleanup && !isFor(end, this.#definition?.when ?? terms.when)) {
        this.#finish('skipped')
      } else if (terms.limit !== undefined && !this.isCleanup) {
        beginWithin(terms.limit, this)
      } else {
        this.begin()
      }
    } catch (error) {
      this.#finish('rejected', error)
    }
  }

  /** Starts its clock, and its function. */
  begin(): void {
    const turn = this.#turn
    if (turn === undefined) return
    this.status = 'running'
    turn.startedAt = performance.now()
    const timeout = this.#definition?.timeout ?? turn.terms.timeout
    if (timeout !== undefined && timeout <= longestTimer) {
      turn.timer = setTimeout(() => {
        this.giveUp(new DOMException(`The task took longer than ${timeout} ms`, 'TimeoutError'))
      }, timeout)
    }
    if (this.isCleanup || registry.instruments.size === 0) {
      this.#perform(turn)
    } else {
      this.#isInstrumented = true
      void instrumented(this, () => this.#perform(turn)).then(() => this.#release())
    }
  }

  #perform(turn: Turn): void {
    // An instrument may have taken its time, and the task been cancelled.
    if (this.isIdle) return
    try {
      const returned = this.#invoke(turn)
      // A promise may be shared and never settle: what waits for it then holds its async context.
      if (isThenable(returned)) {
        const { onError } = turn.terms
        if (onError) turn.tell = continuation((failure) => report(failure, onError))
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

  #invoke(turn: Turn): unknown {
    const func = this.#func
    const args = this.#args ?? none
    if (func !== undefined && !wantsContext(func)) return Reflect.apply(func, undefined, args)
    const context = (turn.context = new Context(turn.end))
    return func === undefined ? this.#definition?.run(context) : func[withContext](context, ...args)
  }

  #finish(status: TaskResult['status'], error?: unknown, skipped: string[] = []): void {
    if (this.result !== undefined) return
    const turn = this.#turn
    const { startedAt, timer, tell, end, terms } = turn ?? {}
    const duration = startedAt === undefined ? 0 : performance.now() - startedAt
    this.status = status
    this.result = { name: this.name, status, outcome: end?.outcome ?? 'closed', duration }
    if (error !== undefined || status === 'rejected') this.result.error = error
    if (!this.isCleanup) registry.ended += 1
    clearTimeout(timer)
    // One that is cancelled before its response has ended is on its way until then.
    if (turn !== undefined) untrack(this)
    // A task that ignores its signal may never end: nothing of the request may hang on it.
    this.#turn = this.#definition = this.#exchange = undefined
    if (!this.#isInstrumented) this.#release()
    if (status === 'rejected') {
      this.failure = new BackgroundTaskError(this.name, error, skipped)
      terms?.list?.fail(this.failure, skipped, !this.isCleanup)
    }
    this.list = undefined
    const { failure } = this
    if (failure !== undefined) tell?.(failure)
    this.#resolve?.(this.result)
    if (failure !== undefined && tell === undefined) report(failure, terms?.onError)
  }

  #release(): void {
    if (!this.isAbandoned) this.#func = this.#args = undefined
  }
}

export function isTask(item: Item): item is Task {
  return !item.isList
}

/** What is known of a task from its turn on. */
interface Turn {
  readonly end: ResponseEnd
  readonly terms: Terms
  /** Of its beginning, as `performance.now()` counts. */
  startedAt?: number
  timer?: ReturnType<typeof setTimeout>
  /** Where the task wants one. */
  context?: Context
  /** Reports its failure in the async context of the list. */
  tell?: (failure: BackgroundTaskError) => void
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
