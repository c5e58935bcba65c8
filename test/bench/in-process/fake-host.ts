// A host that does nothing of its own: it calls the handler, and tells the end of the response.
import { setImmediate as macrotask } from 'node:timers/promises'
import { NodeResponse } from '../../support/node-response.ts'
import {
  createHandler,
  type Handler,
  type Host,
  loadProvider,
  type Setup,
  tasksDone,
} from '../http/handlers.ts'
import { runAfter } from '../http/hosts/node-response.ts'

/** As @whatwg-node/server passes it. */
interface Context {
  readonly res: NodeResponse
}

const host: Omit<Host<Request, Context>, 'serve'> = {
  floor(run, response, _request, context) {
    runAfter(context?.res, run)
    return response
  },
}

const request = new Request('http://localhost/')
/** In flight at the same time. */
const together = 16

/** Returns what serves so many requests, and resolves when their tasks have run. */
export async function serveRequests(setup: Setup): Promise<(requests: number) => Promise<void>> {
  const handler = createHandler(host, setup, await loadProvider(setup))
  const hasTask = setup.way !== 'bare' && setup.way !== 'no task'
  return async (requests) => {
    const rounds = Math.ceil(requests / together)
    const awaited = tasksDone() + (hasTask ? rounds * together : 0)
    for (let round = 0; round < rounds; round += 1) await serveTogether(handler)
    // The last tasks run in the macrotasks after their responses.
    while (tasksDone() < awaited) await macrotask()
  }
}

async function serveTogether(handler: Handler<Request, Context, unknown>): Promise<void> {
  const served: NodeResponse[] = []
  for (let index = 0; index < together; index += 1) {
    const res = new NodeResponse()
    const answer = handler(request, { res })
    // A host has a fast path for handlers that return at once.
    if (answer instanceof Promise) await answer
    served.push(res)
  }
  await macrotask()
  for (const res of served) res.finish()
  await macrotask()
}
