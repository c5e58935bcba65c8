import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { addTasks } from '../../../lib/add-tasks'
import { answer, type RouteContext } from '../../../lib/answer'
import { spin } from '../../../lib/spin'

export const runtime = 'edge'

export const GET = withBackgroundTasks(
  async (tasks, request: NextRequest, { params }: RouteContext) => {
    const { kind } = await params
    const { searchParams } = request.nextUrl
    const id = searchParams.get('id') ?? kind
    if (searchParams.has('spin')) tasks.addTask(spin, id)
    addTasks(tasks, id, searchParams.get('task') ?? undefined)
    return answer(kind, id, request)
  },
)

export const POST = GET
