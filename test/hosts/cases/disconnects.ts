import { compare } from '../wire.ts'
import { type Case, sourceEnd, untilStarted } from './case.ts'

const forms = ['with', 'provide', 'wrap', 'request'] as const
const query = { unread: '1000' }
const gone = { ...query, gone: '1' }

/** Clients that go away, and sources that fail: the task runs all the same, and is told. */
export const disconnects: readonly Case[] = [
  {
    name: 'client gone before the handler returns, string',
    forms,
    standard: { outcome: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'late string', { query: gone })
      await server.until('handling', id)
      exchange.destroy()
      await server.turns(3)
      await server.open(`${id}/return`)
      const { outcome } = await server.until('task-start', id)
      return { outcome }
    },
  },
  {
    name: 'client gone before the handler returns, stream',
    forms,
    standard: { outcome: 'cancelled', source: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'late stream', { query: gone })
      await server.until('handling', id)
      exchange.destroy()
      await server.turns(3)
      await server.open(`${id}/return`)
      const { outcome } = await server.until('task-start', id)
      return { outcome, source: await sourceEnd(server, id) }
    },
  },
  {
    name: 'client gone before the first byte',
    forms,
    standard: { outcome: 'cancelled', source: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'before the first byte', { query })
      await server.until('answered', id)
      exchange.destroy()
      // A Worker notices only by writing: from here on there is a chunk a turn.
      const { outcome } = await untilStarted(server, id, (turn) =>
        turn < 5 ? server.turns(1) : server.open(`${id}/event/${turn - 5}`),
      )
      return { outcome, source: await sourceEnd(server, id) }
    },
  },
  {
    name: 'client gone mid-stream',
    forms,
    standard: { outcome: 'cancelled', source: 'cancelled' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'mid-stream', { query })
      await exchange.received(1)
      exchange.destroy()
      const { outcome } = await untilStarted(server, id)
      return { outcome, source: await sourceEnd(server, id) }
    },
  },
  {
    name: 'source fails',
    forms,
    standard: { outcome: 'errored', reason: 'source failed', wire: 'same' },
    async measure(server, form) {
      const ask = async (each: typeof form) => {
        const { id, exchange } = await server.send(each, 'source fails', { query })
        await exchange.received(1)
        await server.open(`${id}/source`)
        return { id, response: await exchange.response }
      }
      const bare = await server.bare('source fails', async () => (await ask('bare')).response)
      const { id, response } = await ask(form)
      const { outcome, reason } = await server.until('task-start', id)
      return { outcome, reason, wire: compare(bare, response) }
    },
  },
]
