import { redirect, type RequestHandler } from '@sveltejs/kit'
import { withBackgroundTasks } from 'background-tasks'
import { report } from '../../../scenario.ts'

/** `redirect()` throws, and so this handler never returns. */
export const GET: RequestHandler = withBackgroundTasks((tasks, { url }) => {
  const id = url.searchParams.get('id') ?? 'none'
  tasks.addTask(report, 'task-start', id)
  tasks.addTask({ when: ['thrown'], run: () => report('task-thrown', id) })
  redirect(303, '/elsewhere')
})
