import { Queue, Worker } from 'bullmq'
import { BullMQOtel } from 'bullmq-otel'
import { durable } from 'background-tasks/bullmq'

async function sendWelcome(email: string): Promise<void> {
  console.log(`welcome, ${email}`)
}

const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }
const telemetry = new BullMQOtel({ tracerName: 'emails' })

export const queue = new Queue('emails', { connection, telemetry })
export const emails = durable(queue, { sendWelcome })
export const worker = new Worker(queue.name, emails.processor, {
  connection,
  telemetry,
  maxStalledCount: 10,
})
