import { withBackgroundTasks } from 'background-tasks'
import { workerThread } from 'background-tasks/worker-threads'

const writeReport = workerThread<typeof import('./report.ts')>(
  new URL('./report.ts', import.meta.url),
  'writeReport',
)

export const POST = withBackgroundTasks(async (tasks, request: Request) => {
  const { path, orders } = await request.json()
  tasks.addTask(writeReport, path, orders)
  return Response.json({ path }, { status: 202 })
})
