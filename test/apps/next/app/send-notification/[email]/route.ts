import { withBackgroundTasks } from 'background-tasks/next'
import type { NextRequest } from 'next/server'
import { getQuery } from '../../../lib/query'

function writeLog(message: string): void {
  console.log('log:', message)
}

type Context = RouteContext<'/send-notification/[email]'>

export const POST = withBackgroundTasks(
  async (tasks, request: NextRequest, { params }: Context) => {
    const { email } = await params
    const query = getQuery(request)
    tasks.addTask(writeLog, `message to ${email}`)
    return Response.json({ message: 'Message sent', query })
  },
)
