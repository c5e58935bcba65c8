import { once } from 'node:events'
import { Worker } from 'bullmq'
import { connection, queue, uploads } from './queue.ts'

const worker = new Worker(queue.name, uploads.processor, { connection })

// Its parent was killed, and has taken Redis along.
process.once('disconnect', () => process.exit())

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
// Waits for the upload at hand; the others stay in the queue, for another worker or another day.
await worker.close()
await queue.close()
process.disconnect?.()
