import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = createApp({
  ...common,
  request: (request: Request, _info: Deno.ServeHandlerInfo) => request,
  upgrade(request) {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.addEventListener('message', ({ data }) => socket.send(`echo ${data}`))
    return response
  },
})

Deno.serve({ port, hostname: '127.0.0.1', onListen() {} }, (request, info) => app(request, info))
