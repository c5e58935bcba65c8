import { json, type RequestHandler } from '@sveltejs/kit'
import { withBackgroundTasks } from 'background-tasks'

async function writeNotification(email: string, message: string): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

export const POST: RequestHandler = withBackgroundTasks(async (tasks, { request }) => {
  const { email } = await request.json()
  tasks.addTask(writeNotification, email, 'some notification')
  return json({ message: 'Notification sent in the background' })
})
