import { once } from 'node:events'
import { Worker } from 'bullmq'
import { connection, queue, uploads } from './queue.ts'

const worker = new Worker(queue.name, uploads.processor, {
  connection,
  // For one who kills it and waits for the next one: by default these are half a minute each.
  lockDuration: 10_000,
  stalledInterval: 5000,
  // How often that may be done to one upload.
  maxStalledCount: 10,
})

// Its parent was killed, and has taken Redis along.
process.once('disconnect', () => process.exit())

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
// Waits for the upload at hand; the others stay in the queue, for another worker or another day.
await worker.close()
await queue.close()
process.disconnect?.()
