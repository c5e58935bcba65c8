import { FastResponse, serve } from 'srvx'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

serve({
  port,
  hostname: '127.0.0.1',
  silent: true,
  fetch: createApp({ ...common, Response: FastResponse, request: (request: Request) => request }),
})
