import { createPostgresBackend, withBackend } from 'bullmq'
import { durable } from 'background-tasks/bullmq'

async function sendWelcome(email: string): Promise<void> {
  console.log(`welcome, ${email}`)
}

const { Queue, Worker } = withBackend(createPostgresBackend)
const connectionString = process.env['DATABASE_URL'] ?? 'postgres://127.0.0.1/app'
// Creates and updates the tables of BullMQ, in a schema of their own.
const connection = { connectionString, migrate: true }

export const queue = new Queue('emails', { connection })
export const emails = durable(queue, { sendWelcome })
export const worker = new Worker(queue.name, emails.processor, { connection, maxStalledCount: 10 })

// One that is opened while PostgreSQL is away does not recover: let the process end, and be started
// again.
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])
