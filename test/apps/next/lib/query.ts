import { backgroundTasks } from 'background-tasks/context'
import type { NextRequest } from 'next/server'

function writeLog(message: string): void {
  console.log('log:', message)
}

export function getQuery(request: NextRequest): string | null {
  const query = request.nextUrl.searchParams.get('q')
  if (query !== null) backgroundTasks().addTask(writeLog, `found query: ${query}`)
  return query
}
