import { withBackgroundTasks } from 'background-tasks'
import { addTooMuch, reporting } from '../app/deadline.ts'

Deno.serve(
  withBackgroundTasks((tasks, _request: Request, _info: Deno.ServeHandlerInfo) => {
    addTooMuch(tasks, '')
    return new Response('answered')
  }, reporting),
)
