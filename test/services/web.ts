import { createServer } from 'node:http'
import { withBackgroundTasks } from 'background-tasks'
import { createServerAdapter } from '@whatwg-node/server'
import { jobs } from './jobs.ts'

const handler = withBackgroundTasks(async (tasks, request: Request) => {
  const { pathname, searchParams } = new URL(request.url)
  const id = searchParams.get('id') ?? ''
  if (pathname === '/__ready') return new Response()
  try {
    if (pathname === '/stick') await jobs.addTask(tasks, 'stick', id)
    else await jobs.addTask(tasks, 'record', id)
  } catch (error) {
    return new Response(error instanceof Error ? error.message : '', { status: 503 })
  }
  if (pathname === '/throw') throw new Error('after the job was stored')
  if (pathname === '/endless') return new Response(endless(), { status: 202 })
  return new Response('accepted', { status: 202 })
})

/** The client has the status and a first chunk; the response never ends. */
function endless(): ReadableStream {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('accepted')),
    pull: () => new Promise(() => {}),
  })
}

createServer(createServerAdapter(handler)).listen(Number(process.env['PORT']), '127.0.0.1')
