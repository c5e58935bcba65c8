import { withBackgroundTasks } from 'background-tasks/next'
import { type NextRequest, NextResponse } from 'next/server'
import { report } from './lib/events'

export const proxy = withBackgroundTasks((tasks, request: NextRequest) => {
  tasks.addTask(report, 'task', request.nextUrl.searchParams.get('id') ?? 'proxy')
  return NextResponse.next()
})

export const config = { matcher: '/proxied' }
