import { createServer } from 'node:http'
import { createServerAdapter } from '@whatwg-node/server'
import { type Context, Hono } from 'hono'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = new Hono()
app.all('*', createApp({ ...common, request: (context: Context) => context.req.raw }))
const adapter = createServerAdapter((request, context: object) => app.fetch(request, context))
createServer(adapter).listen(port, '127.0.0.1')
