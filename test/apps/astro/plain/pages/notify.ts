import type { APIRoute } from 'astro'
import { withBackgroundTasks } from 'background-tasks'

async function writeNotification(email: string, message: string): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

export const POST: APIRoute = withBackgroundTasks(async (tasks, { request }) => {
  const { email } = await request.json()
  tasks.addTask(writeNotification, email, 'some notification')
  return Response.json({ message: 'Notification sent in the background' })
})
