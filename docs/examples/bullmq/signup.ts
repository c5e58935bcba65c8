import { Queue, Worker } from 'bullmq'
import { withBackgroundTasks } from 'background-tasks'
import { durable } from 'background-tasks/bullmq'

const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }

async function sendWelcome(email: string): Promise<void> {
  console.log(`welcome, ${email}`)
}

const queue = new Queue('emails', { connection })
const emails = durable(queue, { sendWelcome }, { grace: 30_000 })

export const POST = withBackgroundTasks(async (tasks, request: Request) => {
  const { email } = await request.json()
  await emails.addTask(tasks, 'sendWelcome', email)
  return Response.json({ message: 'You will get a mail' }, { status: 202 })
})

// In this process, or in as many others as you like.
export const worker = new Worker(queue.name, emails.processor, { connection, maxStalledCount: 10 })
