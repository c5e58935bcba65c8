import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fail, readOptions } from '../server/command-line.ts'
import { commandOf } from './command.ts'
import { type Redis, startRedis } from './redis.ts'

const command = commandOf('bullmq')
// Nothing is started for the sake of --help.
readOptions(command)

const redis: Redis | undefined = process.env['REDIS_URL']
  ? undefined
  : await startRedis().catch((error: Error) => fail(command, error.message))
if (redis !== undefined) process.env['REDIS_URL'] = redis.url
const { queue, uploads } = await import('./queue.ts')

// The second process. It may as well run on another machine that sees the folder of the uploads.
const worker = fork(new URL('bullmq-worker.ts', import.meta.url))
const workerExit = once(worker, 'exit')

export { queue, uploads }

/**
 * Lets the worker finish the upload at hand, and ends with it.
 *
 * @returns How many uploads are left for the next start.
 */
export async function close(): Promise<number> {
  worker.kill('SIGTERM')
  await workerExit
  const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed')
  const left = Object.values(counts).reduce((sum, count) => sum + count, 0)
  if (left === 0) await queue.obliterate({ force: true })
  await queue.close()
  await redis?.stop({ kept: left > 0 })
  return left
}
