import { createHono } from '../app/hono.ts'
import { common, port } from '../app/node.ts'

const app = createHono({
  ...common,
  upgrade({ req, env }) {
    return new Response(null, { status: env.upgrade(req.raw) ? 200 : 400 })
  },
})

Bun.serve({
  port,
  hostname: '127.0.0.1',
  development: false,
  fetch: (request, server) => app.fetch(request, server),
  websocket: {
    message: (socket, message) => socket.send(`echo ${message}`),
  },
})
