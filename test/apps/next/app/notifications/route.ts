import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'

async function writeNotification(email: string, { message }: { message: string }): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

export const POST = withBackgroundTasks(async (tasks, request: NextRequest) => {
  const { email } = await request.json()
  tasks.addTask(writeNotification, email, { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' }, { status: 202 })
})
