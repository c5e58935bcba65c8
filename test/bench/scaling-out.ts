// What it costs to move a task out of the process: `node test/bench/scaling-out.ts`. One after the
// other: a response with one task, how long the handler takes to add it and how long after the end
// of the response it runs; medians. Then sixteen at a time, tasks per second until the last has run.
// Redis appends each job to its file and PostgreSQL syncs it to disk, as they do by default.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { durable } from 'background-tasks/bullmq'
import { workerThread } from 'background-tasks/worker-threads'
import { startPostgres } from '../services/postgres.ts'
import { connect } from '../services/queue.ts'
import { startRedis } from '../services/redis.ts'
import { now } from './scaling-out-task.ts'

const single = Number(process.env['SINGLE'] ?? 200)
const many = Number(process.env['MANY'] ?? 3000)

/** Adds the task of an id, whose end is told by `ran`. */
type Add = (tasks: BackgroundTasks, id: number) => unknown

const waiting = new Map<number, (at: number) => void>()
function ran(id: number, at: number): void {
  waiting.get(id)?.(at)
}

await measure('in process', (tasks, id) => tasks.addTask(() => ran(id, now())))

const onThread = workerThread<{ now: typeof now }>(
  new URL('scaling-out-task.ts', import.meta.url),
  'now',
)
await measure('worker thread', (tasks, id) => tasks.addTask(async () => ran(id, await onThread())))

for (const [name, server, start] of [
  ['BullMQ on Redis', 'redis', startRedis],
  ['BullMQ on PostgreSQL', 'postgres', () => startPostgres({ fsync: 'on' })],
] as const) {
  const service = await start()
  const queue = connect(server, service.port).openQueue('bench')
  const jobs = durable(queue, { note: (_id: number) => {} })
  const worker = fork(fileURLToPath(new URL('scaling-out-worker.ts', import.meta.url)), {
    env: { ...process.env, SERVER: server, SERVER_PORT: String(service.port) },
  })
  worker.on('message', (message: { id: number; ran: number }) => ran(message.id, message.ran))
  await measure(name, (tasks, id) => jobs.addTask(tasks, 'note', id))
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  await queue.close()
  await service.stop()
}

async function measure(name: string, add: Add): Promise<void> {
  let id = 0
  const adding: number[] = []
  const starting: number[] = []
  /** Resolves when the task has run. */
  const respond = async (): Promise<void> => {
    const ownId = (id += 1)
    let added = 0
    const handler = withBackgroundTasks(async (tasks) => {
      const start = now()
      await add(tasks, ownId)
      added = now() - start
      return new Response('accepted', { status: 202 })
    })
    const task = new Promise<number>((resolve) => waiting.set(ownId, resolve))
    await (await handler()).text()
    const ended = now()
    starting.push((await task) - ended)
    adding.push(added)
    waiting.delete(ownId)
  }
  for (let count = 0; count < single / 4; count += 1) await respond()
  adding.length = starting.length = 0
  for (let count = 0; count < single; count += 1) await respond()
  const [add50, start50] = [median(adding), median(starting)]
  const start = now()
  let left = many
  const client = async (): Promise<void> => {
    while ((left -= 1) >= 0) await respond()
  }
  await Promise.all(Array.from({ length: 16 }, client))
  const rate = Math.round((many * 1000) / (now() - start))
  console.log(
    `${name}: added in ${add50.toFixed(2)} ms, runs ${start50.toFixed(1)} ms after the response, ${rate} tasks/s`,
  )
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values)
  sorted.sort()
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
