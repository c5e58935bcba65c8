import type { Exchange } from '../response/exchange.ts'
import { End, type Outcome, type ResponseEnd } from '../response/outcome.ts'
import { added } from '../util/added.ts'
import { continuation } from '../util/continuation.ts'
import { later } from '../util/later.ts'
import type { BackgroundTaskError } from './background-task-error.ts'
import { Contents } from './contents.ts'
import type { Item, Parent, Terms } from './item.ts'
import type { ListOptions } from './list-options.ts'
import { type RequestList, track, untrack } from './registry.ts'
import { Schedule } from './schedule.ts'
import type { Task } from './task.ts'
import type { TaskResult } from './task-types.ts'

/**
 * Where a list stands:
 *
 * - free: nothing has been said yet of when it runs
 * - handling: its handler runs, and decides that
 * - waiting: for the end of a response, or for its turn in the list around it
 * - running
 * - over: its last task and cleanup have ended
 */
type ListState = 'free' | 'handling' | 'waiting' | 'running' | 'over'

/** The request whose handler adds to a list. */
export interface ListRequest {
  /** Finds the end of a response that was answered while the list was empty. */
  subscribe(): void
}

/** The inside of a `BackgroundTasks`: what is in it, and where it stands. */
export class List extends Contents implements RequestList, Parent {
  readonly options: ListOptions
  state: ListState = 'free'
  /** The first failure, of lists in this one too. */
  failure: BackgroundTaskError | undefined
  /** Why what has not started is skipped. */
  stop: { readonly reason: unknown } | undefined
  /** What its handler threw: then it ends so, whatever becomes of the response. */
  thrown: { readonly reason: unknown } | undefined
  /** That of its request. */
  waitUntil: RequestList['waitUntil']
  /** Where it has a handler, until it waits: what waits, or runs, holds nothing of the request. */
  #request: ListRequest | undefined
  /** Watches it from its start on, if that takes any time. */
  watch: ((terms: Terms) => void) | undefined
  /** From its start on. */
  #schedule: Schedule | undefined
  #ended: Promise<void> | undefined
  #finished: Promise<TaskResult[]> | undefined
  #resolve: (() => void) | undefined
  #tell: ((results: TaskResult[]) => void) | undefined

  constructor(face: object, options: ListOptions) {
    super(face)
    this.options = options
  }

  get isIdle(): boolean {
    return this.state === 'over' || this.isEmpty
  }

  override get hasHandler(): boolean {
    return this.state === 'handling'
  }

  get isOpen(): boolean {
    return this.state !== 'over'
  }

  get isJoinable(): boolean {
    return this.isOpen && this.state !== 'free'
  }

  get hasStarted(): boolean {
    return this.#schedule !== undefined
  }

  get runningCleanup(): Task | undefined {
    return this.#schedule?.cleanup
  }

  /** Of one that stands in another one and has not begun: that of this. */
  get outcome(): Outcome | undefined {
    return (this.#schedule ?? this.list)?.outcome
  }

  /** Whether somebody has asked for its end. */
  get isAwaited(): boolean {
    return (this.#ended ?? this.#finished) !== undefined
  }

  get ended(): Promise<void> {
    this.#request?.subscribe()
    return (this.#ended ??= this.isOpen
      ? new Promise((resolve) => (this.#resolve = resolve))
      : Promise.resolve())
  }

  /** In the order added, those of lists in it flattened. */
  get finished(): Promise<TaskResult[]> {
    this.#request?.subscribe()
    return (this.#finished ??= this.isOpen
      ? new Promise((resolve) => (this.#tell = resolve))
      : Promise.resolve(this.#results()))
  }

  #results(): TaskResult[] {
    const error = this.stop === undefined ? this.failure?.cause : this.stop.reason
    return this.results(this.outcome ?? 'closed', error)
  }

  /** Lets what was added be seen and run. */
  protected noticeAdded(): void {
    if (this.state === 'free') this.#request?.subscribe()
    else if (this.state === 'running') this.#schedule?.wake?.()
    else if (this.state === 'over') this.#reopen()
    // Otherwise the list around it runs it again, and counts for it.
    else if (!this.hasStarted) track(this)
  }

  /** Its handler has been called. */
  handle(request: ListRequest): void {
    this.#request = request
    this.state = 'handling'
    track(this)
  }

  /** Its handler is over, and decides nothing. */
  release(): void {
    if (this.state === 'handling') this.state = 'free'
    untrack(this)
  }

  override waitFor(exchange: Exchange): void {
    this.#request = undefined
    if (!this.hasStarted) this.state = 'waiting'
    super.waitFor(exchange)
  }

  willRun(item: Item): boolean {
    return this.stop === undefined && this.isOpen && this.#schedule?.willRun(item) !== false
  }

  protected isRunBesides(list: Parent): boolean {
    return this.state === 'running' && this.#schedule?.parent !== list
  }

  skip(reason: unknown, skipped: string[]): void {
    this.stop = { reason }
    const started = this.#schedule?.next ?? 0
    for (const [index, item] of this.items.entries()) {
      // A list that has begun goes on. A task may have begun only to wait for its limit.
      const goesOn = index < started && item.isList
      if (!goesOn && !item.isWantedBesides(this)) item.skip(reason, skipped)
    }
  }

  fail(failure: BackgroundTaskError, skipped: string[], stops: boolean): void {
    const stopsThis = stops && this.options.failure !== 'continue'
    if (stopsThis) this.skip(failure.cause, skipped)
    this.failure ??= failure
    this.#schedule?.parent?.fail(failure, skipped, stopsThis)
  }

  start(given: ResponseEnd, terms: Terms = {}): PromiseLike<unknown> | undefined {
    if (this.state === 'over') return undefined
    if (this.state === 'running') return this.ended
    const end = this.thrown ? new End('thrown', this.thrown.reason, given.response) : given
    this.#schedule ??= new Schedule(this, end, terms)
    this.state = 'running'
    this.#request = this.exchange = undefined
    this.resume()
    if (!this.isOpen) return undefined
    // Below another handler too: that one may know of no deadline.
    this.watch?.(this.#schedule)
    return this.ended
  }

  protected proceed(): void {
    this.#schedule?.proceed()
  }

  /** Its last task and cleanup have ended. */
  finish(): void {
    this.state = 'over'
    this.#resolve?.()
    this.#tell?.(this.#results())
    untrack(this)
  }

  runAgain(list: Item): void {
    const schedule = this.#schedule
    if (schedule === undefined) return
    schedule.again = added(schedule.again, list)
    if (this.state === 'over') this.#reopen()
    else if (this.state === 'running') schedule.wake?.()
  }

  /** Runs what was added after its end: in the list around it, if that is not over too. */
  #reopen(): void {
    const schedule = this.#schedule
    if (schedule === undefined) return
    this.stop = this.#ended = this.#finished = undefined
    if (schedule.parent !== undefined) {
      this.state = 'waiting'
      schedule.parent.runAgain(this)
      return
    }
    this.state = 'running'
    track(this)
    later(continuation(() => this.proceed()))
  }
}
