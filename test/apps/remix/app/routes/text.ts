import type { LoaderFunctionArgs } from '@remix-run/node'
import { withBackgroundTasks } from 'background-tasks'
import { text, query, work } from '../work.server.ts'

export const loader = withBackgroundTasks((tasks, { request }: LoaderFunctionArgs) => {
  tasks.addTask(work(`text ${query(request).id}`, request))
  return text(request)
})
