import { createServer } from 'node:http'
import { createServerAdapter } from '@whatwg-node/server'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = createApp({ ...common, request: (request: Request, _context: object) => request })
createServer(createServerAdapter(app)).listen(port, '127.0.0.1')
