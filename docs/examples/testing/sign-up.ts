import { type BackgroundTasks, withBackgroundTasks } from 'background-tasks'

export const outbox: string[] = []

export async function sendWelcome(email: string): Promise<void> {
  outbox.push(email)
}

export async function signUp(tasks: BackgroundTasks, request: Request): Promise<Response> {
  const { email } = await request.json()
  tasks.addTask(sendWelcome, email)
  return Response.json({ email }, { status: 202 })
}

export const POST = withBackgroundTasks(signUp)
