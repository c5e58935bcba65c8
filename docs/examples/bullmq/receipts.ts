import { Queue } from 'bullmq'
import { withBackgroundTasks } from 'background-tasks'
import { durable, type DurableContext } from 'background-tasks/bullmq'

const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }

export const queue = new Queue('receipts', { connection })
export const receipts = durable(queue, {
  sendReceipt: {
    attempts: 5,
    backoff: { type: 'exponential', delay: 1000 },
    async run({ outcome, job }: DurableContext, order: number): Promise<void> {
      console.log(`receipt ${order}, response ${outcome}, attempt ${job.attemptsMade + 1}`)
    },
  },
})

export const POST = withBackgroundTasks(async (tasks, request: Request) => {
  const { order } = await request.json()
  // However often the client sends it: one receipt.
  await receipts.addTask(tasks, { name: 'sendReceipt', args: [order], jobId: `receipt-${order}` })
  return new Response(null, { status: 202 })
})
