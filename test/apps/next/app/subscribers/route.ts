import { withBackgroundTasks } from 'background-tasks'
import { after, type NextRequest } from 'next/server'
import { writeNotification } from '../../lib/notifications'

export const POST = withBackgroundTasks(
  async (tasks, request: NextRequest) => {
    const { email } = await request.json()
    tasks.addTask(writeNotification, email, { message: 'welcome' })
    return Response.json({ email }, { status: 201 })
  },
  { waitUntil: after },
)
