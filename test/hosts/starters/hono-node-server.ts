import { type Http2Bindings, type HttpBindings, serve } from '@hono/node-server'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

serve({
  port,
  hostname: '127.0.0.1',
  fetch: createApp({
    ...common,
    request: (request: Request, _env: HttpBindings | Http2Bindings) => request,
  }),
})
