import onFinished from 'on-finished'
import { serve, type ServerRequest } from 'srvx'
import type { Host } from '../handlers.ts'
import { later, runAfter } from './node-response.ts'

export const host: Host<ServerRequest> = {
  serve: (handler, port) =>
    serve({ fetch: (request) => handler(request), port, hostname: '127.0.0.1', silent: true }),
  floor(run, response, { runtime }) {
    runAfter(runtime?.node?.res, run)
    return response
  },
  ways: {
    'on-finished'(run, response, { runtime }) {
      const res = runtime?.node?.res
      if (res) onFinished(res as never, () => setImmediate(run))
      return response
    },
    waitUntil(run, response, request) {
      request.waitUntil?.(later(run))
      return response
    },
  },
}
