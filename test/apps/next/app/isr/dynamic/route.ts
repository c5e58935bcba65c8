import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { addTasks } from '../../../lib/add-tasks'

export const revalidate = 3600

/** Next tries to prerender it at build, and learns by an error that it cannot. */
export const GET = withBackgroundTasks((tasks, request: NextRequest) => {
  addTasks(tasks, 'isr-dynamic')
  return Response.json({ host: request.headers.get('host') })
})
