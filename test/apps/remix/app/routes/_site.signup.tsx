import { type ActionFunctionArgs, redirect } from '@remix-run/node'
import { backgroundTasks } from 'background-tasks/context'
import { createUser, sendWelcome } from '../users.server.ts'

export async function action({ request }: ActionFunctionArgs) {
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
