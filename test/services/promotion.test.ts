import { setTimeout as sleep } from 'node:timers/promises'
import type { Job } from 'bullmq'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BackgroundTasks } from 'background-tasks'
import { durable } from 'background-tasks/bullmq'
import { startPostgres } from './postgres.ts'
import { eventually } from './programs.ts'
import { connect } from './queue.ts'
import type { Service } from './service.ts'

let service: Service
let queue: ReturnType<ReturnType<typeof connect>['openQueue']>
let worker: Client
let observer: Client
beforeEach(async () => {
  service = await startPostgres()
  queue = connect('postgres', service.port).openQueue('emails')
  const options = { host: '127.0.0.1', port: service.port, user: 'postgres' }
  worker = new Client(options)
  observer = new Client(options)
  await Promise.all([worker.connect(), observer.connect()])
})
afterEach(async () => {
  await Promise.all([queue.close(), worker.end(), observer.end()])
  await service.stop()
})

/** What a worker of BullMQ does to take a job. Resolves with how many it got. */
async function take(): Promise<number> {
  const sql = 'SELECT FROM bullmq.move_to_active($1, $2, $3, $4, NULL, NULL, NULL)'
  return (await worker.query(sql, [queue.name, 'token', 30_000, Date.now()])).rowCount ?? 0
}

async function isBlocked(): Promise<boolean> {
  return (await observer.query('SELECT FROM pg_locks WHERE NOT granted')).rowCount !== 0
}

it('gives a job to one worker, once, whose response ends while that takes it', async () => {
  let taken = 0
  /** Promotes the job at the moment that is left between the two statements of taking it. */
  async function promoteMeanwhile(job: Job): Promise<void> {
    await worker.query('BEGIN')
    taken += await take()
    let settled = false
    const promoting = job.promote().finally(() => (settled = true))
    await eventually(async () => settled || (await isBlocked()))
    await worker.query('COMMIT')
    await promoting
  }
  const emails = durable(
    {
      name: queue.name,
      add: (...args) => queue.add(...args),
      remove: (...args) => queue.remove(...args),
      getJob: async (id) => {
        const job = await queue.getJob(id)
        return job && Object.create(job, { promote: { value: () => promoteMeanwhile(job) } })
      },
    },
    { send: () => {} },
    { grace: 1 },
  )
  const tasks = new BackgroundTasks()
  await emails.addTask(tasks, 'send')
  // The grace is over.
  await sleep(10)
  await tasks.run()
  taken += await take()
  expect(taken).toBe(1)
})
