import { backgroundTasks } from 'background-tasks/context'
import { redirect } from 'react-router'
import { createUser, sendWelcome } from '../users.server.ts'
import type { Route } from './+types/signup'

export async function action({ request }: Route.ActionArgs) {
  const email = String((await request.formData()).get('email'))
  await createUser(email)
  backgroundTasks().addTask(sendWelcome, email)
  throw redirect('/')
}

export default function Signup() {
  return (
    <form method="post">
      <input name="email" type="email" />
      <button>Sign up</button>
    </form>
  )
}
