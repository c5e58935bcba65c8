import { withBackgroundTasks } from 'background-tasks/next'
import { setTimeout } from 'node:timers/promises'
import { report } from '../../../lib/events'

export const dynamic = 'force-static'

export const GET = withBackgroundTasks((tasks) => {
  tasks.addTask(report, 'task', 'static-door')
  tasks.addTask(setTimeout, 200)
  tasks.addTask(report, 'last-task', 'static-door')
  return Response.json({ at: 'build' })
})
