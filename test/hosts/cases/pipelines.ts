import { once } from 'node:events'
import { connect } from 'node:net'
import type { Form, HostServer } from '../host-server.ts'
import type { Case, Measured } from './case.ts'

// `wrap` alone has only the body and the request, which Node 20 and 22 leave waiting.
const forms = ['with', 'provide'] as const

/**
 * Requests that arrive together on one connection: Node calls all handlers at once, and lets each
 * answer wait for the one before. What waits there when the client leaves is told to nobody before
 * Node 24.
 */
export const pipelines: readonly Case[] = [
  {
    name: 'pipelined, each answered in turn',
    forms,
    standard: { outcome: 'closed, closed', wire: 'same' },
    async measure(server, form) {
      const { ids, socket, received } = await pipeline(server, form, ['late string', 'string'])
      await server.until('answered', ids[1])
      await server.open(`${ids[0]}/return`)
      const measured = await outcomes(server, ids)
      await received('hello world', 2)
      socket.destroy()
      return { ...measured, wire: 'same' }
    },
  },
  {
    // As curl does, when it has all of a length.
    name: 'pipelined, gone with the last byte',
    forms,
    standard: { outcome: 'closed, closed' },
    async measure(server, form) {
      const { ids, socket, received } = await pipeline(server, form, ['late string', 'late close'])
      await server.until('answered', ids[1])
      await server.open(`${ids[0]}/return`)
      await received('hello world', 2)
      socket.destroy()
      const measured = await outcomes(server, ids)
      await server.open(`${ids[1]}/source`)
      return measured
    },
  },
  {
    // All of it has been handed to the host, and little of it has left.
    name: 'left, most of a length waits',
    forms,
    isLarge: true,
    standard: { outcome: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, '20 MB, a length')
      await exchange.received(1)
      exchange.pause()
      await server.turns(5)
      exchange.destroy()
      const { outcome } = await server.until('task-start', id)
      return { outcome }
    },
  },
  {
    name: 'pipelined, gone, one has answered',
    forms,
    standard: { outcome: 'cancelled, cancelled' },
    measure: (server, form) => leave(server, form, 'string', 'answered'),
  },
  {
    // Its request has told its own end long before.
    name: 'pipelined, gone, one has been read',
    forms,
    standard: { outcome: 'cancelled, cancelled' },
    measure: (server, form) => leave(server, form, 'echo', 'answered'),
  },
  {
    name: 'pipelined, gone, none has answered',
    forms,
    standard: { outcome: 'cancelled, cancelled' },
    measure: (server, form) => leave(server, form, 'late string', 'handling'),
  },
  {
    name: 'pipelined, gone, a stream in the queue',
    forms,
    standard: { outcome: 'cancelled, cancelled' },
    measure: (server, form) => leave(server, form, 'stream', 'answered'),
  },
  {
    // Node warns of a leak at ten listeners on one connection.
    name: 'pipelined, gone, twenty in the queue',
    forms,
    standard: { outcome: Array<string>(21).fill('cancelled').join(', ') },
    async measure(server, form) {
      const many = Array<string>(19).fill('string')
      const { ids, socket } = await pipeline(server, form, ['late string', 'string', ...many])
      await server.until('answered', ids.at(-1) ?? '')
      socket.destroy()
      await server.turns(3)
      await server.open(`${ids[0]}/return`)
      const measured = await outcomes(server, ids)
      const warning = /MaxListenersExceededWarning/.exec(server.output())
      return warning === null ? measured : { outcome: warning[0] }
    },
  },
]

async function leave(
  server: HostServer,
  form: Form,
  second: string,
  moment: 'handling' | 'answered',
): Promise<Measured> {
  const { ids, socket } = await pipeline(server, form, ['late string', second])
  await server.until('handling', ids[0])
  await server.until(moment, ids[1])
  socket.destroy()
  await server.turns(3)
  for (const id of ids) await server.open(`${id}/return`)
  const measured = await outcomes(server, ids)
  await server.open(`${ids[1]}/source`)
  return measured
}

/** What the task of each was told. */
async function outcomes(server: HostServer, ids: readonly string[]): Promise<Measured> {
  const told: unknown[] = []
  for (const id of ids) told.push((await server.until('task-start', id))['outcome'])
  return { outcome: told.join(', ') }
}

async function pipeline(
  server: HostServer,
  form: Form,
  caseNames: readonly [string, string, ...string[]],
) {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  const sent = caseNames.map((caseName) => {
    const id = crypto.randomUUID()
    const path = server.path(form, caseName, id, { unread: '1000' })
    const [method, body] = caseName === 'echo' ? ['POST', 'hello'] : ['GET', '']
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`
    return { id, text: `${method} ${path} HTTP/1.1\r\nhost: a\r\n${length}\r\n${body}` }
  })
  let all = ''
  socket.setEncoding('latin1').on('data', (text: string) => (all += text))
  socket.write(sent.map(({ text }) => text).join(''))
  return {
    ids: sent.map(({ id }) => id) as [string, string, ...string[]],
    socket,
    /** Resolves when the text has arrived so many times. */
    async received(text: string, times: number): Promise<void> {
      while (all.split(text).length <= times) await once(socket, 'data')
    },
  }
}
