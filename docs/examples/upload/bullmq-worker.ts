import { once } from 'node:events'
import { Worker } from 'bullmq'
import { connection, queue, uploads } from './queue.ts'

const worker = new Worker(queue.name, uploads.processor, { connection })

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
// Waits for the upload at hand; the next ones stay in the queue, for another worker or another day.
await worker.close()
await queue.close()
