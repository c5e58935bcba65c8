import { serve } from '@hono/node-server'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { Hono } from 'hono'
import { writeNotification } from './notification.ts'

const app = new Hono()

app.post('/notify', async (c) => {
  const { email } = await c.req.json()
  noteVisit(email)
  return c.json({ message: 'Notification sent in the background' })
})

function noteVisit(email: string): void {
  backgroundTasks().addTask(writeNotification, email, 'some notification')
}

const fetch = provideBackgroundTasks(app.fetch)
serve({ fetch, hostname: '127.0.0.1', port: Number(process.env['PORT']) })
