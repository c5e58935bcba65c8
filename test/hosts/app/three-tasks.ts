import type { BackgroundTasks } from 'background-tasks'
import { report } from './control.ts'

/** Answers with three tasks, each of which waits for something of its own request. */
export function answerWithThreeTasks(tasks: BackgroundTasks, request: Request): Response {
  const id = new URL(request.url).searchParams.get('id') ?? ''
  for (const number of [1, 2, 3]) {
    tasks.addTask(async () => {
      await crypto.subtle.digest('SHA-256', new TextEncoder().encode(id))
      report('task', id, { number })
    })
  }
  return Response.json({ id })
}
