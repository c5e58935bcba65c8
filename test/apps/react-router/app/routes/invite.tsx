// #region action
import { withBackgroundTasks } from 'background-tasks'
import { createUser, sendWelcome } from '../users.server.ts'
import type { Route } from './+types/invite'

export const action = withBackgroundTasks(async (tasks, { request }: Route.ActionArgs) => {
  const email = String((await request.formData()).get('email'))
  tasks.addTask(sendWelcome, email)
  await createUser(email) // where it throws, no welcome is sent
  return { invited: email }
})
// #endregion

export default function Invite({ actionData }: Route.ComponentProps) {
  return <p>Invited: {actionData?.invited}</p>
}
