import type { APIRoute } from 'astro'
import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from '../notification.ts'

export const POST: APIRoute = withBackgroundTasks(async (tasks, { request }) => {
  const { email } = await request.json()
  tasks.addTask(writeNotification, email, 'some notification')
  return Response.json({ message: 'Notification sent in the background' })
})
