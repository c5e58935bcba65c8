import { error, type RequestHandler } from '@sveltejs/kit'
import { withBackgroundTasks } from 'background-tasks'
import { report } from '../../../scenario.ts'

/** `error()` throws too. */
export const GET: RequestHandler = withBackgroundTasks((tasks, { url }) => {
  const id = url.searchParams.get('id') ?? 'none'
  tasks.addTask(report, 'task-start', id)
  tasks.addTask({ when: ['thrown'], run: () => report('task-thrown', id) })
  error(404, 'not here')
})
