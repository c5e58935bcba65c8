import { backgroundTasks } from 'background-tasks/context'
import { writeLog } from '../log.server.ts'
import { getQuery } from '../query.server.ts'
import type { Route } from './+types/send-notification'

export function action({ request, params }: Route.ActionArgs) {
  const query = getQuery(request)
  backgroundTasks().addTask(writeLog, `message to ${params.email}`)
  return Response.json({ message: 'Message sent', query })
}
