import { createServer } from 'node:http'
import { jobs, openWorker } from './jobs.ts'

const worker = openWorker('jobs', jobs.processor, {
  concurrency: 20,
  // As short as BullMQ allows for a test that waits for a dead worker's jobs.
  lockDuration: 1000,
  stalledInterval: 1000,
  // More than any test kills: BullMQ's 1 loses the job of two dead workers.
  maxStalledCount: 10,
})

// So that the test knows when it is up. One that is opened while PostgreSQL is away never recovers.
await worker.waitUntilReady()
createServer((_, response) => response.end()).listen(Number(process.env['PORT']), '127.0.0.1')
