import { http1 } from '../clients.ts'
import { compare } from '../wire.ts'
import type { Case } from './case.ts'

const handshake = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
}

/** Where the handler itself answers the handshake, in the host's own way. */
export const realUpgrade: Case = {
  name: 'upgrade',
  forms: ['with', 'wrap'],
  standard: { outcome: 'closed', wire: 'same' },
  async measure(server, form) {
    const id = crypto.randomUUID()
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${server.path(form, 'upgrade', id)}`)
    const echo = await new Promise((resolve, reject) => {
      socket.addEventListener('open', () => socket.send('hello'))
      socket.addEventListener('message', ({ data }) => resolve(data))
      socket.addEventListener('error', reject)
    })
    socket.close()
    const { outcome } = await server.until('task-start', id)
    return { outcome, wire: echo === 'echo hello' ? 'same' : String(echo) }
  },
}

/** Elsewhere upgrades bypass the handler; one that does not is a request like any other. */
export const ignoredUpgrade: Case = {
  name: 'upgrade',
  forms: ['with', 'wrap'],
  standard: { outcome: 'closed', wire: 'same' },
  async measure(server, form) {
    const ask = async (each: typeof form) => {
      // HTTP/2 has no such headers.
      const headers = server.client === http1 ? handshake : {}
      const { id, exchange } = await server.send(each, 'upgrade', { headers })
      return { id, response: await exchange.response }
    }
    const bare = await server.bare('upgrade', async () => (await ask('bare')).response)
    const { id, response } = await ask(form)
    const { outcome } = await server.until('task-start', id)
    return { outcome, wire: compare(bare, response) }
  },
}
