import { createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { toNodeHandler } from 'srvx/node'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = createApp({ ...common, request: (request: Request) => request })
// Its type knows HTTP/1 only.
const listener = toNodeHandler((request) => app(request)) as unknown as (
  request: Http2ServerRequest,
  response: Http2ServerResponse,
) => void
createServer(listener).listen(port, '127.0.0.1')
