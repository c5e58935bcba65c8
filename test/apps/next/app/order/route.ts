import { withBackgroundTasks } from 'background-tasks/next'
import { after, type NextRequest } from 'next/server'
import { report } from '../../lib/events'
import { passed } from '../../lib/gates'

export const GET = withBackgroundTasks(async (tasks, request: NextRequest) => {
  const id = request.nextUrl.searchParams.get('id') ?? 'order'
  tasks.addTask(report, 'task', id)
  tasks.addTask(() => after(() => report('after-in-task', id)))
  after(async () => {
    report('after-starts', id)
    await passed(`${id}-after`)
    report('after-ends', id)
  })
  return new Response('ok')
})
