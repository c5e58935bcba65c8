import { fork } from 'node:child_process'
import { once } from 'node:events'
import { startRedis } from './redis.ts'

process.env['REDIS_URL'] ??= await startRedis()
const { queue, uploads } = await import('./queue.ts')

// The second process. It may as well run on another machine that sees the folder of the uploads.
const worker = fork(new URL('bullmq-worker.ts', import.meta.url))
const workerExit = once(worker, 'exit')

export { uploads }

/** Lets the worker finish the upload at hand, and ends with it. */
export async function close(): Promise<void> {
  await queue.close()
  worker.kill('SIGTERM')
  await workerExit
}
