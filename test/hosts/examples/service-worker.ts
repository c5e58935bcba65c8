import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from './notification.ts'

const handler = withBackgroundTasks((tasks, _event: FetchEvent) => {
  tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' })
})

addEventListener('fetch', (event) => event.respondWith(handler(event)))
