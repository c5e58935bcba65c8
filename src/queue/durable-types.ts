import type { Job, Queue } from 'bullmq'
import type { Outcome } from '../response/outcome.ts'
import type { BackgroundTasks } from '../tasks/background-tasks.ts'
import type { DurableJobOptions } from './durable-job.ts'

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
   * Once the promise resolves the job is stored, delayed by `grace`. When the response has ended,
   * it is promoted before the tasks of the list run in this process, and runs at once: none of them
   * holds it up. One that is added while the list runs is promoted in its turn. If this process
   * dies in between, it runs when `grace` is over. If the handler throws it is removed; a list that
   * is only `wrap`ped never hears of that, so use `withBackgroundTasks`.
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
