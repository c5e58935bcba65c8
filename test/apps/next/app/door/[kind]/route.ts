import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { addTasks } from '../../../lib/add-tasks'
import { answer, type RouteContext } from '../../../lib/answer'
import { block } from '../../../lib/block'
import { untilFile } from '../../../lib/until-file'

export const GET = withBackgroundTasks(
  async (tasks, request: NextRequest, { params }: RouteContext) => {
    const { kind } = await params
    const { searchParams } = request.nextUrl
    const id = searchParams.get('id') ?? kind
    const blocked = searchParams.get('block')
    if (blocked !== null) tasks.addTask(block, id, blocked)
    const until = searchParams.get('until')
    if (until !== null) tasks.addTask(untilFile, id, until)
    addTasks(tasks, id, searchParams.get('task') ?? undefined)
    return answer(kind, id, request)
  },
)

export const POST = GET
