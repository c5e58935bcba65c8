import { withBackgroundTasks } from 'background-tasks'
import { report } from '../../../lib/events'

export const revalidate = 3600

export const GET = withBackgroundTasks((tasks) => {
  tasks.addTask(report, 'task', 'isr-core')
  return Response.json({ at: Date.now() })
})
