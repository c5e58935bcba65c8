import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorCode, type Job, UnrecoverableError } from 'bullmq'
import type { Outcome } from '../response/outcome.ts'
import { BackgroundTask } from '../tasks/background-task.ts'
import { BackgroundTasks, isBackgroundTasks } from '../tasks/background-tasks.ts'
import { wantsContext, withContext } from '../tasks/context-function.ts'
import { inside } from '../tasks/item.ts'
import { isObject, kindOf, refuse } from '../util/checks.ts'
import { longestTimer } from '../util/timers.ts'
import {
  type DurableData,
  isDurableData,
  jobOptionsOf,
  type PlannedJob,
  planJob,
} from './durable-job.ts'
import type {
  Durable,
  DurableFunctions,
  DurableOptions,
  DurableQueue,
  DurableTask,
} from './durable-types.ts'

/** Milliseconds: a queue that answers has promoted a job long before. */
const timeToPromote = 10_000
/** Milliseconds that the list waits for that, whatever `addTask` does. */
const longestToSettle = 10_000

/** What adds the jobs of a queue, and what runs them. */
export class DurableTasks<Functions extends DurableFunctions> implements Durable<Functions> {
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
    const { name, args } = task
    const label = `${this.#queue.name}.${name}`
    const verb = `add ${label}`
    if (!isBackgroundTasks(tasks)) {
      refuse(verb, `the list is ${kindOf(tasks)}`, 'pass the BackgroundTasks of the request')
    }
    const fn = this.#find(name)
    if (fn === undefined) refuse(verb, 'durable() was not given that function', 'pass it there')
    const defaults = typeof fn === 'function' ? {} : jobOptionsOf(verb, fn)
    const planned = planJob(label, args, { ...defaults, ...jobOptionsOf(verb, task) })
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
  const verb = `add a job to ${queue}`
  if (!isObject(task)) {
    refuse(verb, `the task is ${kindOf(task)}`, 'pass a name or { name, args }')
  }
  const { name }: { readonly name?: unknown } = task
  if (typeof name !== 'string') {
    refuse(verb, `the name of the task is ${kindOf(name)}`, 'pass a string')
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
