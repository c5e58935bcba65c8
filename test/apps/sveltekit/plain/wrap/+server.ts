import type { RequestHandler } from '@sveltejs/kit'
import { BackgroundTasks } from 'background-tasks'
import { answer } from '../../../scenario.ts'

export const fallback: RequestHandler = async ({ request }) => {
  const tasks = new BackgroundTasks()
  return tasks.wrap(await answer(() => tasks, request), { request })
}
