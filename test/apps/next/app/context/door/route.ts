import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { dependency } from '../../../lib/dependency'
import { report } from '../../../lib/events'

export const GET = withBackgroundTasks(async (tasks, request: NextRequest) => {
  const id = request.nextUrl.searchParams.get('id') ?? 'context'
  tasks.addTask(report, 'task', id)
  await dependency(id)
  tasks.addTask(report, 'last-task', id)
  return Response.json({ size: tasks.tasks.length })
})
