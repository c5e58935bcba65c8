import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from './notification.ts'

Deno.serve(
  withBackgroundTasks((tasks) => {
    tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
    return Response.json({ message: 'Notification sent in the background' })
  }),
)
