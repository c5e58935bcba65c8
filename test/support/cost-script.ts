// What a request costs on a fake host, in what can be counted: `cost-script.ts <way>` prints it as JSON.
// Run with --expose-gc, and with a young generation that takes all requests without a collection.
import { createHook } from 'node:async_hooks'
import { setImmediate as macrotask } from 'node:timers/promises'
import { withBackgroundTasks } from '../../src/index.ts'
import { NodeResponse } from './node-response.ts'

export interface Cost {
  readonly promises: number
  readonly timers: number
  readonly listeners: number
  readonly bytes: number
}

/** As @whatwg-node/server passes it. */
interface Context {
  readonly res: NodeResponse
}
type Handler = (request: Request, context: Context) => Response | Promise<Response>

const ways: Record<string, Handler> = {
  bare: () => answer,
  'no task': withBackgroundTasks((_tasks, _request: Request, _context: Context) => answer),
  'sync task': withBackgroundTasks((tasks, _request: Request, _context: Context) => {
    tasks.addTask(syncTask)
    return answer
  }),
  'async task': withBackgroundTasks((tasks, _request: Request, _context: Context) => {
    tasks.addTask(asyncTask)
    return answer
  }),
}

const request = new Request('http://localhost/')
// Where the host tells the end nobody looks at the response, and one will do.
const answer = new Response('answered')
let done = 0

function tasksDone(): number {
  return done
}

function syncTask(): void {
  done += 1
}

async function asyncTask(): Promise<void> {
  done += 1
}

const [way = ''] = process.argv.slice(2)
const handler = ways[way]
const hasTask = way === 'sync task' || way === 'async task'
if (handler === undefined) throw new Error(`There is no way ${way}`)
// Neither what is made once nor what is not yet compiled counts.
await serve(handler, 20_000)
process.stdout.write(JSON.stringify({ ...(await count(handler)), bytes: await allocate(handler) }))

async function count(served: Handler): Promise<Omit<Cost, 'bytes'>> {
  const requests = 1000
  const made: Record<string, number> = {}
  const hook = createHook({
    init: (_id, type) => (made[type] = (made[type] ?? 0) + 1),
  })
  hook.enable()
  const listeners = await serve(served, requests)
  hook.disable()
  const { PROMISE = 0, Timeout = 0, Immediate = 0 } = made
  return {
    promises: PROMISE / requests,
    timers: (Timeout + Immediate) / requests,
    listeners: listeners / requests,
  }
}

async function allocate(served: Handler): Promise<number> {
  const requests = 10_000
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  await serve(served, requests)
  return (process.memoryUsage().heapUsed - before) / requests
}

/**
 * All wait together, and each ends in a turn of its own: none shares what runs later with another. Resolves with
 * how many listeners they had meanwhile.
 */
async function serve(served: Handler, requests: number): Promise<number> {
  const awaited = hasTask ? tasksDone() + requests : tasksDone()
  const responses: NodeResponse[] = []
  for (let index = 0; index < requests; index += 1) {
    const res = new NodeResponse()
    void served(request, { res })
    responses.push(res)
  }
  await macrotask()
  const listeners = responses.reduce((sum, { heard }) => sum + heard, 0)
  for (const res of responses) {
    res.finish()
    await macrotask()
  }
  while (tasksDone() < awaited) await macrotask()
  return listeners
}
