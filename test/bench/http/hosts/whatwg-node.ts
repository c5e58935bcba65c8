import { createServer, type ServerResponse } from 'node:http'
import { createServerAdapter } from '@whatwg-node/server'
import onFinished from 'on-finished'
import type { Host } from '../handlers.ts'
import { later, runAfter } from './node-response.ts'

/** The part of the adapter's context used here. */
interface Context {
  readonly res: ServerResponse
  waitUntil(promise: Promise<unknown>): void
}

export const host: Host<Request, Context> = {
  serve: (handler, port) =>
    createServer(createServerAdapter<Context>(handler)).listen(port, '127.0.0.1'),
  floor(run, response, _request, context) {
    runAfter(context?.res, run)
    return response
  },
  ways: {
    'on-finished'(run, response, _request, context) {
      if (context) onFinished(context.res, () => setImmediate(run))
      return response
    },
    waitUntil(run, response, _request, context) {
      context?.waitUntil(later(run))
      return response
    },
  },
}
