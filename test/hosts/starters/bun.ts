import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = createApp({
  ...common,
  request: (request: Request, _server: Bun.Server) => request,
  upgrade(request, server) {
    if (!server.upgrade(request)) return new Response('no upgrade', { status: 400 })
    return undefined
  },
})

Bun.serve({
  port,
  hostname: '127.0.0.1',
  development: false,
  fetch: (request, server) => app(request, server),
  websocket: {
    message: (socket, message) => socket.send(`echo ${message}`),
  },
})
