// The server of worker-threads.ts: it starts the task by path, and tells when it has ended.
import { createServer } from 'node:http'
import { createServerAdapter } from '@whatwg-node/server'
import { withBackgroundTasks } from 'background-tasks'
import { workerThread } from 'background-tasks/worker-threads'
import { compute } from './worker-threads-task.ts'

const computeOnThread = workerThread<{ compute: typeof compute }>(
  new URL('worker-threads-task.ts', import.meta.url),
  'compute',
)

// What a request costs: about a quarter of a millisecond, so that it counts who has the processor, and not
// how fast a core that has nothing to do wakes up for the next request.
const rows = Array.from({ length: 2000 }, (_, id) => ({ id, name: `customer ${id}`, paid: true }))

let finished: Promise<unknown> | undefined

/** By all threads of this process. */
function usedMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return Math.round((user + system) / 1000)
}

const handler = withBackgroundTasks(async (tasks, request: Request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/finished') await finished
  if (pathname === '/thread') finished = tasks.addTask(computeOnThread, 2000).finished
  if (pathname === '/in-process') finished = tasks.addTask(compute, 2000).finished
  if (pathname === '/usage') return Response.json({ usage: usedMilliseconds() })
  return Response.json({ length: JSON.stringify(rows).length })
})
createServer(createServerAdapter(handler)).listen(Number(process.env['PORT']), '127.0.0.1')
