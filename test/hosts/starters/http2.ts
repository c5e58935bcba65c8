import { createServer } from 'node:http2'
import { toNodeHandler } from 'srvx/node'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = createApp({ ...common, request: (request: Request) => request })
createServer(toNodeHandler((request) => app(request))).listen(port, '127.0.0.1')
