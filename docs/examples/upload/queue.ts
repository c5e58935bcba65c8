import { Queue } from 'bullmq'
import { durable, type DurableContext } from 'background-tasks/bullmq'
import { compress } from './compress.ts'

export const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }
export const queue = new Queue('uploads', { connection })
export const uploads = durable(queue, {
  compress: {
    // In seconds: for as long as somebody may ask what became of it.
    removeOnComplete: { age: 3600 },
    run: ({ job }: DurableContext, folder: string) =>
      compress(folder, (progress) => job.updateProgress(progress)),
  },
})
