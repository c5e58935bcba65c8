import type { Host } from '../handlers.ts'

export const host: Host<Request, Bun.Server> = {
  serve: (handler, port) =>
    Bun.serve({ fetch: handler, port, hostname: '127.0.0.1', development: false }),
  // Bun tells no end, and has a body of text as soon as the handler has returned it.
  floor(run, response) {
    setImmediate(run)
    return response
  },
}
