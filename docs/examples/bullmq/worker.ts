import { Worker } from 'bullmq'
import { connection, emails, queue } from './emails.ts'

const worker = new Worker(queue.name, emails.processor, {
  connection,
  concurrency: 10,
  // How many deaths of its worker a job survives: with BullMQ's 1, the second one fails it for good.
  maxStalledCount: 10,
})

worker.on('failed', (job, error) => console.error(`${job?.name} ${job?.id} failed:`, error))
worker.on('error', (error) => console.error('The queue cannot be reached:', error))

// The jobs at hand are finished, the others stay in the queue.
process.once('SIGTERM', async () => {
  await worker.close()
  await queue.close()
})
