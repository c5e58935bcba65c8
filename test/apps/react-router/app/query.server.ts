import { backgroundTasks } from 'background-tasks/context'
import { writeLog } from './log.server.ts'

export function getQuery(request: Request): string | null {
  const query = new URL(request.url).searchParams.get('q')
  if (query !== null) backgroundTasks().addTask(writeLog, `found query: ${query}`)
  return query
}
