import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { after, type NextRequest } from 'next/server'
import { dependency } from '../../../lib/dependency'
import { report } from '../../../lib/events'

export const GET = provideBackgroundTasks(
  async (request: NextRequest) => {
    const id = request.nextUrl.searchParams.get('id') ?? 'context'
    const tasks = backgroundTasks()
    tasks.addTask(report, 'task', id)
    await dependency(id)
    tasks.addTask(report, 'last-task', id)
    return Response.json({ size: tasks.tasks.length })
  },
  { waitUntil: after },
)
