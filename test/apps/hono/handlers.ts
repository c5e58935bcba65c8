import { serve } from '@hono/node-server'
import { withBackgroundTasks } from 'background-tasks'
import { type Context, Hono } from 'hono'
import { writeNotification } from './notification.ts'

const app = new Hono()

app.post(
  '/notify',
  withBackgroundTasks(async (tasks, c: Context) => {
    const { email } = await c.req.json()
    tasks.addTask(writeNotification, email, 'some notification')
    return c.json({ message: 'Notification sent in the background' })
  }),
)

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT']) })
