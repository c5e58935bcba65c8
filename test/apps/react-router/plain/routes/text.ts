import { withBackgroundTasks } from 'background-tasks'
import type { LoaderFunctionArgs } from 'react-router'
import { query, text, work } from '../../app/work.server.ts'

export const loader = withBackgroundTasks((tasks, { request }: LoaderFunctionArgs) => {
  tasks.addTask(work(`text ${query(request).id}`, request))
  return text(request)
})
