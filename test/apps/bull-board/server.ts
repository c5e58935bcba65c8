import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Queue } from 'bullmq'
import { Hono } from 'hono'

const connection = { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }
const emails = new Queue('emails', { connection })

const serverAdapter = new HonoAdapter(serveStatic)
serverAdapter.setBasePath('/queues')
createBullBoard({ queues: [new BullMQAdapter(emails)], serverAdapter })

const app = new Hono()
// Whoever may open this may retry and remove jobs: put your authentication in front of it.
app.route('/queues', serverAdapter.registerPlugin())

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT'] ?? 3001) })
