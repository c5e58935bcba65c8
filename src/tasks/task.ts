import type { ResponseEnd } from '../response/outcome.ts'
import { later } from '../util/later.ts'
import { BackgroundTaskError } from './background-task-error.ts'
import { Call, type Callable } from './call.ts'
import { instrumented } from './instrumented.ts'
import { Item, type Parent, type Terms } from './item.ts'
import { beginWithin } from './limited.ts'
import { registry, untrack } from './registry.ts'
import type { TaskDefinition, TaskResult, TaskStatus } from './task-types.ts'
import { Turn } from './turn.ts'
import { isFor } from './when.ts'

/** The inside of a `BackgroundTask`: it is pending, it runs, it has ended. */
export class Task extends Item {
  readonly isList = false
  readonly name: string
  status: TaskStatus = 'pending'
  result: TaskResult | undefined
  failure: BackgroundTaskError | undefined
  /** A cleanup is not a task: no span, no result, no `when` and no `limit`. */
  isCleanup = false
  /** Whether somebody may ask for its function and arguments, to run it elsewhere. */
  isAbandoned = false
  // Private, like all that may be secret: whatever prints a list must not show its arguments.
  #call: Call | undefined
  /** From its turn on. */
  #turn: Turn | undefined
  #isInstrumented = false
  /** Ended, before its response has. */
  #isEarly = false
  #ended: Promise<TaskResult> | undefined
  #resolve: ((result: TaskResult) => void) | undefined

  constructor(
    face: object,
    name: unknown,
    work: Callable | TaskDefinition,
    args: readonly unknown[],
  ) {
    super(face)
    this.name = typeof name === 'string' && name !== '' ? name : 'anonymous'
    this.#call = new Call(work, args)
  }

  get call(): Call | undefined {
    return this.#call
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

  /** Its end, and what its instruments do at once after it: then the next one may have its place. */
  get left(): Promise<unknown> {
    const { ended } = this
    return registry.instruments.size === 0 ? ended : ended.then(() => new Promise<void>(later))
  }

  get hasStarted(): boolean {
    return this.#turn !== undefined || this.result !== undefined
  }

  protected isRunBesides(list: Parent): boolean {
    return this.#turn !== undefined && this.#turn.terms.list !== list
  }

  collect(items: Set<Item>): Set<Item> {
    return items.add(this)
  }

  skip(reason: unknown, skipped: string[]): void {
    if (this.status !== 'pending') return
    this.settle('skipped', reason)
    skipped.push(this.name)
  }

  /** Gives up on it, as its user wants. */
  cancel(reason: unknown): void {
    if (this.status === 'pending') this.settle('skipped', reason)
    else this.giveUp(reason)
  }

  /** Counts it as failed, and waits for it no longer. */
  giveUp(reason: unknown, skipped: string[] = []): void {
    const turn = this.#turn
    this.settle('rejected', reason, skipped)
    turn?.abort(reason)
  }

  start(end: ResponseEnd, terms: Terms = {}): PromiseLike<unknown> | undefined {
    if (this.result !== undefined) {
      untrack(this)
      // Cancelled while its response was under way: how that ended is known only now.
      if (this.#isEarly) this.result = { ...this.result, outcome: end.outcome }
      this.#isEarly = false
      return undefined
    }
    if (this.#turn === undefined) {
      this.#turn = new Turn(end, terms)
      this.resume()
    }
    return this.isIdle && registry.instruments.size === 0 ? undefined : this.left
  }

  /** Its turn has come. */
  protected proceed(): void {
    if (this.#turn === undefined) return
    const { end, terms } = this.#turn
    try {
      if (!this.isCleanup && !isFor(end, this.#call?.when ?? terms.when)) {
        this.settle('skipped')
      } else if (terms.limit !== undefined && !this.isCleanup) {
        beginWithin(terms.limit, this)
      } else {
        this.begin()
      }
    } catch (error) {
      this.settle('rejected', error)
    }
  }

  /** Starts it, inside its instruments. */
  begin(): void {
    const turn = this.#turn
    if (turn === undefined) return
    this.status = 'running'
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
    turn.perform(this, this.#call)
  }

  /** Ends it, unless it has ended. */
  settle(status: TaskResult['status'], error?: unknown, skipped: string[] = []): void {
    if (this.result !== undefined) return
    const turn = this.#turn
    const duration = turn?.finish() ?? 0
    const outcome = turn?.end.outcome ?? this.list?.outcome
    this.#isEarly = outcome === undefined
    this.status = status
    this.result = { name: this.name, status, outcome: outcome ?? 'closed', duration }
    if (error !== undefined || status === 'rejected') this.result.error = error
    if (!this.isCleanup) registry.ended += 1
    // One that is cancelled before its response has ended is on its way until then.
    if (turn !== undefined) untrack(this)
    // A task that ignores its signal may never end: nothing of the request may hang on it.
    this.#turn = this.exchange = undefined
    if (!this.#isInstrumented) this.#release()
    if (status === 'rejected') {
      this.failure = new BackgroundTaskError(this.name, error, skipped)
      turn?.terms.list?.fail(this.failure, skipped, !this.isCleanup)
    }
    this.list = undefined
    if (this.failure !== undefined) turn?.report(this.failure)
    this.#resolve?.(this.result)
  }

  #release(): void {
    if (!this.isAbandoned) this.#call = undefined
  }
}

export function isTask(item: Item): item is Task {
  return !item.isList
}
