// The same for workerd, which takes one file: http/start.ts puts the setup in it.
import * as provider from 'background-tasks/context'
import { createHandler, type Setup, tasksDone } from './handlers.ts'
import { host } from './hosts/workerd.ts'

declare const SETUP: Setup

const handler = createHandler(host, SETUP, provider)

export default {
  fetch(request: Request, env: unknown, context: ExecutionContext) {
    if (request.url.endsWith('/done')) return Response.json({ tasks: tasksDone() })
    return handler(request, env, context)
  },
}
