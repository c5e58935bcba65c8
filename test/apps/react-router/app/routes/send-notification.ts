import { backgroundTasks } from 'background-tasks/context'
import { getQuery } from '../query.server.ts'
import type { Route } from './+types/send-notification'

function writeLog(message: string): void {
  console.log('log:', message)
}

export function action({ request, params }: Route.ActionArgs) {
  const query = getQuery(request)
  backgroundTasks().addTask(writeLog, `message to ${params.email}`)
  return Response.json({ message: 'Message sent', query })
}
