import { backgroundTasks } from 'background-tasks/context'

function writeLog(message: string): void {
  console.log('log:', message)
}

export function getQuery(request: Request): string | null {
  const query = new URL(request.url).searchParams.get('q')
  if (query !== null) backgroundTasks().addTask(writeLog, `found query: ${query}`)
  return query
}
