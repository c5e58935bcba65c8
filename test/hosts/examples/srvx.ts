import { withBackgroundTasks } from 'background-tasks'
import { serve } from 'srvx'
import { writeNotification } from './notification.ts'

serve({
  fetch: withBackgroundTasks((tasks) => {
    tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
    return Response.json({ message: 'Notification sent in the background' })
  }),
})
