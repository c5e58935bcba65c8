import { withBackgroundTasks } from 'background-tasks'
import { emails } from './emails.ts'

export const POST = withBackgroundTasks(async (tasks, request: Request) => {
  const { email } = await request.json()
  try {
    await emails.addTask(tasks, 'sendWelcome', email)
  } catch (error) {
    console.error(error)
    return Response.json({ message: 'Try again later' }, { status: 503 })
  }
  return Response.json({ message: 'You will get a mail' }, { status: 202 })
})
