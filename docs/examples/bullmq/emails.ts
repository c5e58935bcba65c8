import { Queue } from 'bullmq'
import { durable } from 'background-tasks/bullmq'

async function sendWelcome(email: string): Promise<void> {
  console.log(`welcome, ${email}`)
}

export const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }
export const queue = new Queue('emails', { connection })
export const emails = durable(queue, { sendWelcome })
