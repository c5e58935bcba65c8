import { withBackgroundTasks } from 'background-tasks'
import { report } from '../../../lib/events'

export const dynamic = 'force-static'

export const GET = withBackgroundTasks((tasks) => {
  tasks.addTask(report, 'task', 'static-core')
  return Response.json({ at: 'build' })
})
