import { provideBackgroundTasks } from 'background-tasks/hono'
import { Hono } from 'hono'
import { writeNotification } from './notification.ts'

export const app = new Hono().use(provideBackgroundTasks()).get('/notify', (c) => {
  c.var.backgroundTasks.addTask(writeNotification, 'ada@example.com', {
    message: 'some notification',
  })
  return c.json({ message: 'Notification sent in the background' })
})
