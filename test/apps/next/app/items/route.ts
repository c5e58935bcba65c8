import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { writeNotification } from '../../lib/notifications'
import { getQuery } from '../../lib/query'

export const GET = withBackgroundTasks((tasks, request: NextRequest) => {
  const query = getQuery(request)
  tasks.addTask(writeNotification, 'ada@example.com', { message: `asked for ${query}` })
  return Response.json({ query })
})
