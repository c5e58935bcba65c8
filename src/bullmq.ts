/**
 * Tasks in a queue, which survive a crash and can run on another machine. Guide:
 * [BullMQ](../docs/bullmq.md).
 *
 * @module background-tasks/bullmq
 */

import { jobOptionsOf } from './queue/durable-job.ts'
import { DurableTasks } from './queue/durable-tasks.ts'
import type {
  Durable,
  DurableFunctions,
  DurableOptions,
  DurableQueue,
} from './queue/durable-types.ts'
import { checkTaskFunction } from './tasks/definition.ts'
import { checkMilliseconds, isObject, kindOf, refuse } from './util/checks.ts'
import { checkOptions } from './util/options.ts'

export type { DurableJobOptions } from './queue/durable-job.ts'
export type {
  Durable,
  DurableArgs,
  DurableContext,
  DurableDefinition,
  DurableFunctions,
  DurableOptions,
  DurableQueue,
  DurableTask,
} from './queue/durable-types.ts'

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
  const verb = 'make tasks durable'
  checkOptions(verb, options)
  const { grace = 30_000, storeTimeout = 10_000 } = options
  if (![queue?.add, queue?.getJob, queue?.remove].every((method) => typeof method === 'function')) {
    refuse(verb, `the queue is ${kindOf(queue)}`, 'pass a Queue of BullMQ')
  }
  if (!isObject(functions)) {
    refuse(verb, `the functions are ${kindOf(functions)}`, 'pass an object of them')
  }
  for (const [name, fn] of Object.entries(functions)) {
    const run = typeof fn === 'function' ? fn : fn?.run
    if (typeof run !== 'function') {
      refuse(`make ${name} durable`, `it is ${kindOf(fn)}`, 'pass a function or { run }')
    }
    checkTaskFunction(run, `make ${name} durable`)
    if (typeof fn !== 'function') jobOptionsOf(`make ${name} durable`, fn)
  }
  checkMilliseconds(verb, 'grace', grace)
  checkMilliseconds(verb, 'storeTimeout', storeTimeout)
  if (grace === Infinity) {
    refuse(verb, 'grace is Infinity', 'pass when a job runs anyway', RangeError)
  }
  return new DurableTasks<Functions>(queue, functions, { grace, storeTimeout })
}
