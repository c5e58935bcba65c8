/**
 * Tasks in a queue, which survive a crash and can run on another machine. Guide:
 * [BullMQ](../docs/bullmq.md).
 *
 * @module background-tasks/bullmq
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorCode, type Job, type Queue, UnrecoverableError } from 'bullmq'
import type { Outcome } from './response/outcome.ts'
import { BackgroundTask } from './tasks/background-task.ts'
import { BackgroundTasks, isBackgroundTasks } from './tasks/background-tasks.ts'
import {
  type DurableData,
  type DurableJobOptions,
  isDurableData,
  type PlannedJob,
  planJob,
} from './queue/durable-job.ts'
import { wantsContext, withContext } from './tasks/context-function.ts'
import { inside } from './tasks/item.ts'
import { checkMilliseconds, kindOf } from './util/checks.ts'
import { checkOptions } from './util/options.ts'
import { longestTimer } from './util/timers.ts'

export type { DurableJobOptions } from './queue/durable-job.ts'

/** The part of BullMQ's `Queue` used here, be it on Redis or on PostgreSQL. */
export type DurableQueue = Pick<Queue, 'name' | 'add' | 'getJob' | 'remove'>

/** What a function in the worker can know beyond its arguments. */
export interface DurableContext {
  /** Aborts when the worker cancels the job (BullMQ's `worker.cancelJob(id)`). */
  readonly signal: AbortSignal
  /**
   * How the response of the handler ended. `undefined` when nobody was there to say so and the job
   * runs because `grace` is over: the process had died, or the response took longer.
   */
  readonly outcome: Outcome | undefined
  /** BullMQ's job: its `id`, its `attemptsMade`, `updateProgress()`, `log()`. */
  readonly job: Job
}

/** A function that wants the context, or options for all of its jobs. */
export interface DurableDefinition extends DurableJobOptions {
  /** The work. Its promise, if it returns one, is waited for. */
  readonly run: (context: DurableContext, ...args: never[]) => unknown
}

/** The functions that the jobs of a queue may run, by name. */
export type DurableFunctions = Readonly<
  Record<string, ((...args: never[]) => unknown) | DurableDefinition>
>

/** The arguments that a job must bring for one of the functions. */
export type DurableArgs<Fn> = Fn extends (...args: infer Args) => unknown
  ? Args
  : Fn extends { readonly run: (context: DurableContext, ...args: infer Args) => unknown }
    ? Args
    : never

/** One job with options of its own, which win over those of its function and of its queue. */
export interface DurableTask<
  Name extends string,
  Args extends readonly unknown[],
> extends DurableJobOptions {
  /** One of the functions given to {@link durable}. */
  readonly name: Name
  /** Its arguments. They travel as JSON, and what JSON would change is refused. */
  readonly args: Readonly<Args>
}

/** How long the queue and its jobs are waited for. */
export interface DurableOptions {
  /**
   * Milliseconds, above 0 and finite, after which a job runs although nobody has said that its
   * response has ended. Longer than the slowest response, counted from `addTask`.
   *
   * @default 30_000
   */
  readonly grace?: number
  /**
   * Milliseconds, above 0, that `addTask` waits for the queue to store a job before it rejects. With
   * `Infinity` it waits for as long as Redis is away.
   *
   * @default 10_000
   */
  readonly storeTimeout?: number
}

/** What {@link durable} makes: what adds the jobs, and what runs them. */
export interface Durable<Functions extends DurableFunctions> {
  /**
   * Stores a job that runs `name` with `args` in a worker when the response has ended.
   *
   * Once the promise resolves the job is stored, delayed by `grace`. When the response has ended and
   * the list has come to it, it is promoted and runs at once: so add it before tasks that take long
   * in this process. If this process dies in between, it runs when `grace` is over. If the handler
   * throws it is removed; a list that is only `wrap`ped never hears of that, so use
   * `withBackgroundTasks`.
   *
   * A job runs *at least* once. A worker that dies in the middle of it, or is out of touch with the
   * queue for longer than the lock lasts, makes it run again: see `jobId`, and `processor` for how
   * often.
   *
   * @param tasks The list of the request.
   * @param name One of the functions given to {@link durable}.
   * @param args Its arguments. They travel as JSON, and what JSON would change is refused, as is text
   * that PostgreSQL cannot store: with the character U+0000, or half a surrogate pair.
   * @returns The id of the job.
   * @throws `TypeError` if there is no such function, an argument cannot be stored, or `tasks` is no
   * list. Any other error means that the queue did not store the job: answer 503.
   */
  addTask<Name extends keyof Functions & string>(
    tasks: BackgroundTasks,
    name: Name,
    ...args: DurableArgs<Functions[Name]>
  ): Promise<string>
  /**
   * The same with options of BullMQ for this one job.
   *
   * A job with a `jobId` or `deduplication` waits for the end of its response under an id of its
   * own, and is added under the one given only then. So the requests that ask for the same job stay
   * independent: a handler that throws never removes what another one has promised.
   *
   * @param tasks The list of the request.
   * @param task The name of the function, its arguments, and the options.
   * @returns The id of the job: `jobId`, if that is given.
   * @throws `TypeError` as the other form does, and for a `delay`, or a `jobId` that BullMQ refuses.
   */
  addTask<Name extends keyof Functions & string>(
    tasks: BackgroundTasks,
    task: DurableTask<Name, DurableArgs<Functions[Name]>>,
  ): Promise<string>
  /**
   * Runs the jobs: `new Worker(queue.name, emails.processor, { connection, maxStalledCount: 10 })`.
   *
   * `maxStalledCount` is how many deaths of its worker a job survives. By BullMQ's default that is
   * one, and after the second one the job is not run again but kept among the failed ones.
   *
   * A job without a function of its name, or whose data `addTask` has not written, fails without
   * another attempt and is kept among the failed ones, whatever its `removeOnFail` says. What a
   * function returns is not kept.
   */
  readonly processor: (job: Job, token?: string, signal?: AbortSignal) => Promise<void>
}

/**
 * Makes tasks of functions that survive a crash and can run on another machine: the "use Celery" of
 * FastAPI's page, on BullMQ. Neither the functions nor the order of their arguments change.
 *
 * @example Stored before the response, run after it
 * ```ts file=docs/examples/bullmq/signup.ts
 * import { Queue, Worker } from 'bullmq'
 * import { withBackgroundTasks } from 'background-tasks'
 * import { durable } from 'background-tasks/bullmq'
 *
 * const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }
 *
 * async function sendWelcome(email: string): Promise<void> {
 *   console.log(`welcome, ${email}`)
 * }
 *
 * const queue = new Queue('emails', { connection })
 * const emails = durable(queue, { sendWelcome }, { grace: 30_000 })
 *
 * export const POST = withBackgroundTasks(async (tasks, request: Request) => {
 *   const { email } = await request.json()
 *   await emails.addTask(tasks, 'sendWelcome', email)
 *   return Response.json({ message: 'You will get a mail' }, { status: 202 })
 * })
 *
 * // In this process, or in as many others as you like.
 * export const worker = new Worker(queue.name, emails.processor, { connection, maxStalledCount: 10 })
 * ```
 * @param queue A BullMQ `Queue`.
 * @param functions The functions that its jobs may run, by name. The process that adds jobs and the
 * one that runs them pass the same.
 * @param options How long the queue and its jobs are waited for.
 * @returns What adds the jobs, and what runs them.
 * @throws `TypeError` if the queue, the functions or one of them is none, or an option is not one.
 * @throws `RangeError` if `grace` or `storeTimeout` is not above 0, or `grace` is `Infinity`.
 */
export function durable<Functions extends DurableFunctions>(
  queue: DurableQueue,
  functions: Functions,
  options: DurableOptions = {},
): Durable<Functions> {
  checkOptions('make tasks durable', options)
  const { grace = 30_000, storeTimeout = 10_000 } = options
  if (typeof queue?.add !== 'function') {
    throw new TypeError(
      `Cannot make tasks durable: the queue is ${kindOf(queue)}, pass a Queue of BullMQ`,
    )
  }
  if (typeof functions !== 'object' || functions === null) {
    throw new TypeError(
      `Cannot make tasks durable: the functions are ${kindOf(functions)}, pass an object of them`,
    )
  }
  for (const [name, fn] of Object.entries(functions)) {
    if (typeof fn === 'function' || typeof fn?.run === 'function') continue
    throw new TypeError(
      `Cannot make ${name} durable: it is ${kindOf(fn)}, pass a function or { run }`,
    )
  }
  checkMilliseconds('make tasks durable', 'grace', grace)
  checkMilliseconds('make tasks durable', 'storeTimeout', storeTimeout)
  if (grace === Infinity) {
    throw new RangeError(
      'Cannot make tasks durable: grace is Infinity, pass when a job runs anyway',
    )
  }
  return new DurableTasks<Functions>(queue, functions, { grace, storeTimeout })
}

/** Milliseconds: a queue that answers has promoted a job long before. */
const timeToPromote = 10_000
/** Milliseconds that the list waits for that, whatever `addTask` does. */
const longestToSettle = 10_000

class DurableTasks<Functions extends DurableFunctions> implements Durable<Functions> {
  readonly processor: Durable<Functions>['processor']
  readonly #queue: DurableQueue
  readonly #functions: DurableFunctions
  readonly #options: Required<DurableOptions>

  constructor(queue: DurableQueue, functions: DurableFunctions, options: Required<DurableOptions>) {
    this.#queue = queue
    this.#functions = functions
    this.#options = options
    // BullMQ has a signal only for a processor that declares three parameters.
    this.processor = (job, _token, signal) => this.#process(job, signal)
  }

  async addTask(
    tasks: BackgroundTasks,
    nameOrTask: string | DurableTask<string, readonly unknown[]>,
    ...rest: readonly unknown[]
  ): Promise<string> {
    const task = typeof nameOrTask === 'string' ? { name: nameOrTask, args: rest } : nameOrTask
    checkTask(this.#queue.name, task)
    const { name, args, ...options } = task
    const label = `${this.#queue.name}.${name}`
    if (!isBackgroundTasks(tasks)) {
      throw new TypeError(
        `Cannot add ${label}: the list is ${kindOf(tasks)}, pass the BackgroundTasks of the request`,
      )
    }
    const fn = this.#find(name)
    if (fn === undefined) {
      throw new TypeError(
        `Cannot add ${label}: durable() was not given that function, pass it there`,
      )
    }
    const { run: _, ...defaults } = typeof fn === 'function' ? { run: fn } : fn
    const planned = planJob(label, args, { ...defaults, ...options })
    const job = await this.#store(label, name, planned)
    // Not behind what runs in this process: the job would wait for that.
    tasks[inside].addFirst(this.#settling(label, job)[inside])
    return planned.jobId
  }

  #find(name: string): DurableFunctions[string] | undefined {
    return Object.hasOwn(this.#functions, name) ? this.#functions[name] : undefined
  }

  async #store(label: string, name: string, { data, options }: PlannedJob): Promise<Job> {
    const { grace, storeTimeout } = this.#options
    const adding = this.#queue.add(name, data, { ...options, delay: grace })
    try {
      return await within(storeTimeout, adding)
    } catch (error) {
      adding.catch(() => {}).then(() => this.#takeBack(options.jobId))
      const why = error instanceof Error ? error.message || error.name : kindOf(error)
      throw new Error(`Cannot add ${label}: the queue has not stored it (${why}), answer 503`, {
        cause: error,
      })
    }
  }

  /** Perhaps only the answer was missing: but the caller was told that the job is not stored. */
  async #takeBack(id: string): Promise<void> {
    const isDue = Date.now() + this.#options.grace
    while (Date.now() < isDue) {
      try {
        await this.#queue.remove(id)
        return
      } catch {
        await sleep(1000, undefined, { ref: false })
      }
    }
  }

  #settling(label: string, job: Job): BackgroundTasks {
    const task = new BackgroundTask({
      name: label,
      // One task for every end: of two, one for each, a list would always show one as skipped.
      when: ['closed', 'cancelled', 'errored', 'unread', 'thrown'],
      run: ({ outcome }) => this.#settle(job, outcome),
    })
    // In a list of its own, a failure is reported but does not skip what comes after it.
    const list = new BackgroundTasks([task], { failure: 'continue' })
    // And a task that failed before it skips it, but not what was promised.
    list.defer(async () => {
      const { status, outcome } = await task.finished
      if (status === 'skipped') await this.#settle(job, outcome)
    })
    return list
  }

  /** Bounded, as what comes after it in the list must not wait for a queue that is away. */
  #settle(job: Job, outcome: Outcome): Promise<void> {
    const settled = outcome === 'thrown' ? this.#withdraw(job) : this.#release(job, outcome)
    return within(Math.min(this.#options.storeTimeout, longestToSettle), settled)
  }

  /** The response has ended. A job that a worker has taken meanwhile needs no release. */
  async #release({ id = '', name, data }: Job<DurableData>, outcome: Outcome): Promise<void> {
    const job: Job<DurableData> | undefined = await this.#queue.getJob(id)
    // After an attempt that failed it is delayed again, by its backoff: to promote it would run it
    // too soon.
    if (job === undefined || job.attemptsStarted > 0) return
    const { args, standsFor } = data
    try {
      if (standsFor === undefined) await job.updateData({ args, outcome })
      if (!(await this.#keepFromWorkers(job))) return
      if (standsFor === undefined) {
        await job.promote()
      } else {
        await this.#queue.add(name, { args, outcome }, standsFor)
        await this.#queue.remove(id)
      }
    } catch (error) {
      unlessGone(error)
    }
  }

  /**
   * BullMQ's `promote` on PostgreSQL looks whether the job is delayed, and then lets it run: when a
   * worker takes the job between the two, because `grace` is over, it runs twice; and so does what a
   * stand-in adds that is taken. So a job that is about to be due is first put out of reach, which is
   * safe whoever takes it. False if a worker has it.
   */
  async #keepFromWorkers(job: Job): Promise<boolean> {
    const remaining = job.timestamp + this.#options.grace - Date.now()
    if (remaining >= timeToPromote) return true
    await job.changeDelay(timeToPromote)
    // PostgreSQL changes the delay of one that a worker was just taking too. And a first attempt may have
    // failed since we looked: then it is delayed by its backoff.
    const now: Job | undefined = await this.#queue.getJob(String(job.id))
    return now?.attemptsStarted === 0 && (await now.getState()) === 'delayed'
  }

  /** The handler has thrown. A job that has run, `grace` being over, stays to be looked at. */
  async #withdraw(job: Job): Promise<void> {
    const state = await job.getState()
    if (state !== 'completed' && state !== 'failed') await this.#queue.remove(String(job.id))
  }

  async #process(job: Job, signal = new AbortController().signal): Promise<void> {
    const { name, data } = job
    if (!isDurableData(data)) {
      throw toBeKept(job, 'its data is not { args: [...] }, add it with addTask')
    }
    if (data.standsFor !== undefined) {
      await this.#queue.add(name, { args: data.args }, data.standsFor)
      return
    }
    const fn = this.#find(name)
    if (fn === undefined) {
      const wrong = `durable() was not given a function ${name}`
      throw toBeKept(job, `${wrong}, pass it there and retry the job`)
    }
    // Typed where they were added, and out of a queue since.
    const args = data.args as never[]
    const context = { signal, outcome: data.outcome, job }
    if (typeof fn !== 'function') {
      await fn.run(context, ...args)
    } else if (wantsContext(fn)) {
      // A function of `workerThread`: its thread ends with the job.
      await fn[withContext](context, ...args)
    } else {
      await fn(...args)
    }
  }
}

function checkTask(queue: string, task: unknown): void {
  if (typeof task !== 'object' || task === null) {
    throw new TypeError(
      `Cannot add a job to ${queue}: the task is ${kindOf(task)}, pass a name or { name, args }`,
    )
  }
  if (!('name' in task) || typeof task.name !== 'string') {
    const { name }: { name?: unknown } = task
    throw new TypeError(
      `Cannot add a job to ${queue}: the name of the task is ${kindOf(name)}, pass a string`,
    )
  }
}

function within<Value>(milliseconds: number, promise: Promise<Value>): Promise<Value> {
  if (milliseconds > longestTimer) return promise
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new DOMException(`no answer within ${milliseconds} ms`, 'TimeoutError'))
    }, milliseconds)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Passes over the two ways to miss a job that the worker was quicker to take. */
function unlessGone(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== ErrorCode.JobNotExist && code !== ErrorCode.JobNotInState) throw error
}

/** For a job that no attempt can run: it stays to be looked at and retried, whatever its options. */
function toBeKept(job: Job, wrong: string): UnrecoverableError {
  // BullMQ reads this one when the processor has failed; what is stored with the job stays.
  job.opts.removeOnFail = false
  return new UnrecoverableError(`Cannot run job ${job.id}: ${wrong}`)
}
