import { Queue } from 'bullmq'
import { durable } from 'background-tasks/bullmq'
import { compress } from './compress.ts'

export const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }
export const queue = new Queue('uploads', { connection })
export const uploads = durable(queue, { compress })
