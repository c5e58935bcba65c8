import { type Http2Bindings, type HttpBindings, serve } from '@hono/node-server'
import onFinished from 'on-finished'
import type { Host } from '../handlers.ts'
import { runAfter } from './node-response.ts'

export const host: Host<Request, HttpBindings | Http2Bindings> = {
  serve: (handler, port) => serve({ fetch: handler, port, hostname: '127.0.0.1' }),
  floor(run, response, _request, env) {
    runAfter(env?.outgoing, run)
    return response
  },
  ways: {
    'on-finished'(run, response, _request, env) {
      if (env) onFinished(env.outgoing as never, () => setImmediate(run))
      return response
    },
  },
}
