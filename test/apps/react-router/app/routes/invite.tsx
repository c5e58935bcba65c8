import { withBackgroundTasks } from 'background-tasks'
import { Form } from 'react-router'
import type { Route } from './+types/invite'

async function createUser(email: string): Promise<void> {
  if (!email.includes('@')) throw new Error(`${email} is no address`)
}

async function sendWelcome(email: string): Promise<void> {
  console.log(`welcome, ${email}`)
}

export const action = withBackgroundTasks(async (tasks, { request }: Route.ActionArgs) => {
  const email = String((await request.formData()).get('email'))
  tasks.addTask(sendWelcome, email)
  await createUser(email) // where it throws, no welcome is sent
  return { invited: email }
})

export default function Invite({ actionData }: Route.ComponentProps) {
  return (
    <Form method="post">
      <input name="email" />
      <button>Invite</button>
      {actionData && <p>Invited: {actionData.invited}</p>}
    </Form>
  )
}
