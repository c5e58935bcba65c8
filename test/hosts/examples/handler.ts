import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from './notification.ts'

export const handler = withBackgroundTasks((tasks, _request: Request) => {
  tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' })
})
