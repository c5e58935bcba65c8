import { type Context, Hono } from 'hono'
import { serve } from 'srvx'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = new Hono()
app.all('*', createApp({ ...common, request: (context: Context) => context.req.raw }))
serve({ port, hostname: '127.0.0.1', silent: true, fetch: (request) => app.fetch(request) })
