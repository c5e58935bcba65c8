import { backgroundTasks } from 'background-tasks/context'
import type { NextRequest } from 'next/server'
import { writeNotification } from './notifications'

export function getQuery(request: NextRequest): string | null {
  const query = request.nextUrl.searchParams.get('q')
  if (query !== null) {
    backgroundTasks().addTask(writeNotification, query, { message: 'found query' })
  }
  return query
}
