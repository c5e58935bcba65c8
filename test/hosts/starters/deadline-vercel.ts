import { getDeadline } from '@vercel/functions'
import { withBackgroundTasks } from 'background-tasks'
import { report } from '../app/control.ts'
import { addTooMuch, reporting } from '../app/deadline.ts'

export default {
  fetch: withBackgroundTasks((tasks, _request: Request) => {
    report('deadline', '', { left: Number(getDeadline()) - Date.now() })
    addTooMuch(tasks, '')
    return new Response('answered')
  }, reporting),
}
