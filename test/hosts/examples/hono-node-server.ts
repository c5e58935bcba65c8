import { serve } from '@hono/node-server'
import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from './notification.ts'

serve({
  port: Number(process.env['PORT']),
  fetch: withBackgroundTasks((tasks) => {
    tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
    return Response.json({ message: 'Notification sent in the background' })
  }),
})
