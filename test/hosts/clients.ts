import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type RawRequest, send } from '../support/client.ts'
import { arrival, type Exchange } from './exchange.ts'
import { openHttp2, sendHttp2 } from './http2-client.ts'

export interface Client {
  send(options: RawRequest): Promise<Exchange>
  /** Answers of several requests, one after the other, over one connection. */
  inTurn(port: number, paths: readonly string[]): Promise<string[]>
  /** Absent where a plain HTTP/1.1 request can tell. */
  readonly isReady?: (port: number) => Promise<unknown>
}

export const http1: Client = {
  async send(options) {
    const { socket, response, received, body } = await send(options)
    return {
      response,
      received,
      receivedText: (text) => arrival(received, body, text),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      destroy: () => socket.destroy(),
      reset: () => socket.resetAndDestroy(),
      breakOff: () => socket.resetAndDestroy(),
      halfClose: () => socket.end(),
    }
  },
  async inTurn(port, paths) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const bodies: string[] = []
    let sockets = 0
    for (const path of paths) {
      const request = get({ agent, port, host: '127.0.0.1', path })
      const [response] = await once(request, 'response')
      if (!request.reusedSocket) sockets += 1
      let body = ''
      for await (const chunk of response.setEncoding('utf8')) body += chunk
      bodies.push(body)
    }
    agent.destroy()
    if (sockets !== 1) throw new Error(`The server closed the connection: ${sockets} were needed`)
    return bodies
  },
}

export const http2: Client = {
  send: (options) => sendHttp2(options),
  async isReady(port) {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    await once(session, 'connect')
    session.destroy()
  },
  async inTurn(port, paths) {
    const connection = openHttp2(port)
    const bodies: string[] = []
    for (const path of paths) {
      const { response } = await sendHttp2({ port, path }, connection)
      bodies.push(String((await response).body))
    }
    connection.session.destroy()
    return bodies
  },
}
