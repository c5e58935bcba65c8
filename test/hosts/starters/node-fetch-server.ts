import { createServer } from 'node:http'
import { createRequestListener } from '@remix-run/node-fetch-server'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = createApp({ ...common, request: (request: Request) => request })
createServer(createRequestListener((request) => app(request))).listen(port, '127.0.0.1')
