import { withBackgroundTasks } from 'background-tasks/next'
import { revalidatePath } from 'next/cache'
import type { NextRequest } from 'next/server'
import { report } from '../../lib/events'

export const POST = withBackgroundTasks((tasks, request: NextRequest) => {
  const { searchParams } = request.nextUrl
  tasks.addTask(revalidatePath, searchParams.get('path') ?? '/')
  void tasks.finished.then(() => report('finished', searchParams.get('id') ?? 'revalidate'))
  return new Response(null, { status: 202 })
})
