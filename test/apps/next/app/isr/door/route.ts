import { withBackgroundTasks } from 'background-tasks/next'
import { report } from '../../../lib/events'

export const revalidate = 3600

export const GET = withBackgroundTasks((tasks) => {
  tasks.addTask(report, 'task', 'isr-door')
  return Response.json({ at: Date.now() })
})
