import { createHash } from 'node:crypto'
import type { Form, HostServer } from '../host-server.ts'
import { compare } from '../wire.ts'
import { type Case, type Measured, sourceEnd, untilStarted } from './case.ts'

const forms = ['with', 'wrap'] as const

/** What happens on a connection beyond one quick answer. */
export const connections: readonly Case[] = [
  {
    name: 'slow client, 20 MB string',
    forms,
    isLarge: true,
    standard: { outcome: 'closed', wire: 'same', start: 'after the client has read on' },
    measure: (server, form) => readSlowly(server, form, '20 MB'),
  },
  {
    name: 'slow client, 32 MB stream',
    forms,
    isLarge: true,
    standard: { outcome: 'closed', wire: 'same', start: 'after the client has read on' },
    measure: (server, form) => readSlowly(server, form, 'slow client'),
  },
  {
    name: 'keep-alive with a slow task',
    forms,
    standard: { outcome: 'closed', wire: 'same' },
    async measure(server, form) {
      const id = crypto.randomUUID()
      const next = crypto.randomUUID()
      const bodies = await server.client.inTurn(server.port, [
        server.path(form, 'string', id, { task: 'slow' }),
        server.path(form, 'json', next),
      ])
      // Answered on the same connection while the first task waits for its gate.
      const { outcome } = await server.until('task-start', id)
      const hadEnded = await server.has('task-end', id)
      await server.open(`${id}/task`)
      await server.until('task-end', id)
      await server.until('task-end', next)
      const isSame = bodies.join() === 'hello world,{"message":"hello world"}' && !hadEnded
      return { outcome, wire: isSame ? 'same' : bodies.join() }
    },
  },
  {
    name: 'server-sent events',
    forms,
    standard: { outcome: 'cancelled', source: 'cancelled', wire: 'same' },
    async measure(server, form) {
      const listen = async (each: Form) => {
        const { id, exchange } = await server.send(each, 'server-sent events')
        for (const event of [0, 1, 2, 3]) {
          await server.open(`${id}/event/${event}`)
          // Each event arrives before the next one exists.
          await exchange.receivedText(`data: ${event}\n\n`)
        }
        exchange.destroy()
        return { id, response: await exchange.response }
      }
      const bare = await server.bare('server-sent events', async () => {
        const { id, response } = await listen('bare')
        await server.open(`${id}/source`)
        return response
      })
      const { id, response } = await listen(form)
      const { outcome } = await untilStarted(server, id, (turn) =>
        server.open(`${id}/event/${turn + 4}`),
      )
      return { outcome, source: await sourceEnd(server, id), wire: compare(bare, response) }
    },
  },
]

async function readSlowly(server: HostServer, form: Form, name: string): Promise<Measured> {
  const read = async (each: Form) => {
    const { id, exchange } = await server.send(each, name)
    await exchange.received(1)
    exchange.pause()
    await server.turns(20)
    const hasStarted = await server.has('task-start', id)
    exchange.resume()
    const response = await exchange.response
    exchange.destroy()
    // Hashed, so that a difference is not megabytes long.
    const body = Buffer.from(createHash('sha256').update(response.body).digest('hex'))
    return { id, hasStarted, response: { ...response, body } }
  }
  const bare = await server.bare(`slow ${name}`, async () => (await read('bare')).response)
  const { id, hasStarted, response } = await read(form)
  const { outcome } = await server.until('task-start', id)
  return {
    outcome,
    wire: compare(bare, response),
    start: hasStarted ? 'while the client was not reading' : 'after the client has read on',
  }
}
