import type { IncomingMessage, ServerResponse } from 'node:http'
import { serve as listen } from 'srvx/node'
import { onTestFinished } from 'vitest'

interface NodeContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

type Handler = (request: Request, context: NodeContext) => Response | Promise<Response>

/** Serves `handler` on a port of its own until the end of the test. */
export async function serve(handler: Handler): Promise<{ port: number; url: string }> {
  const server = listen({
    hostname: '127.0.0.1',
    port: 0,
    silent: true,
    gracefulShutdown: false,
    fetch: (request) => handler(request, request.runtime?.node as NodeContext),
    error: () => new Response(null, { status: 500 }),
  })
  await server.ready()
  onTestFinished(() => server.close(true))
  const { port } = new URL(server.url ?? '')
  return { port: Number(port), url: `http://127.0.0.1:${port}/` }
}
