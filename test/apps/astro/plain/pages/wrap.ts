import type { APIRoute } from 'astro'
import { BackgroundTasks } from 'background-tasks'
import { answer } from '../../../scenario.ts'

export const ALL: APIRoute = async ({ request }) => {
  const tasks = new BackgroundTasks()
  return tasks.wrap(await answer(() => tasks, request), { request })
}
