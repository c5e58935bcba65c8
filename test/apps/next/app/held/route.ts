import { withBackgroundTasks } from 'background-tasks'
import { after, type NextRequest } from 'next/server'
import { untilFile } from '../../lib/until-file'

export const GET = withBackgroundTasks(
  (tasks, request: NextRequest) => {
    const { searchParams } = request.nextUrl
    tasks.addTask(untilFile, searchParams.get('id') ?? 'held', searchParams.get('until') ?? '')
    return new Response('ok')
  },
  { waitUntil: after },
)
