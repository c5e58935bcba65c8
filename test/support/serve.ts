import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServerAdapter } from '@whatwg-node/server'
import { onTestFinished } from 'vitest'

interface NodeContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

type Handler = (request: Request, context: NodeContext) => Response | Promise<Response>

/** Serves `handler` on a port of its own until the end of the test. */
export async function serve(handler: Handler): Promise<{ port: number; url: string }> {
  const server = createServer(createServerAdapter<NodeContext>(handler)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}/` }
}
