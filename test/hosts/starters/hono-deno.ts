import { createHono } from '../app/hono.ts'
import { common, port } from '../app/node.ts'

const app = createHono({
  ...common,
  upgrade({ req }) {
    const { socket, response } = Deno.upgradeWebSocket(req.raw)
    socket.addEventListener('message', ({ data }) => socket.send(`echo ${data}`))
    return response
  },
})

Deno.serve({ port, hostname: '127.0.0.1', onListen() {} }, app.fetch)
