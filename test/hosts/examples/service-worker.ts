import { withBackgroundTasks } from 'background-tasks'

async function writeNotification(email: string, { message }: { message: string }): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

const handler = withBackgroundTasks((tasks, _event: FetchEvent) => {
  tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' })
})

addEventListener('fetch', (event) => event.respondWith(handler(event)))
