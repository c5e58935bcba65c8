import { redirect, type RequestHandler } from '@sveltejs/kit'
import { withBackgroundTasks } from 'background-tasks'
import { report } from '../../../scenario.ts'

/** `redirect()` throws, and so this handler never returns. */
export const GET: RequestHandler = withBackgroundTasks((tasks, { url }) => {
  const id = url.searchParams.get('id') ?? 'none'
  tasks.addTask({
    run: ({ outcome, response }) => {
      const location = response?.headers.get('location')
      report('task-start', id, { outcome, status: response?.status, location })
    },
  })
  redirect(303, '/elsewhere')
})
