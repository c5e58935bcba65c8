import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { writeNotification } from '../../lib/notifications'

export const POST = withBackgroundTasks(async (tasks, request: NextRequest) => {
  const { email } = await request.json()
  tasks.addTask(writeNotification, email, { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' }, { status: 202 })
})
