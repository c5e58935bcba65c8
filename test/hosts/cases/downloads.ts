import type { Case } from './case.ts'
import { untilStarted } from './case.ts'

/** Clients that hang up on the last byte: they have all that was promised. */
export const downloads: readonly Case[] = [
  {
    // curl does, and so do proxies of HTTP/1.0; files end a moment after their last chunk.
    name: 'left with the last byte',
    forms: ['with', 'provide', 'wrap', 'request'],
    standard: { outcome: 'closed' },
    async measure(server, form) {
      const { id, exchange } = await server.send(form, 'late close', { query: { unread: '1000' } })
      await exchange.receivedText('hello world')
      exchange.destroy()
      const { outcome } = await untilStarted(server, id)
      return { outcome }
    },
  },
  {
    name: 'left in the middle of a length',
    forms: ['with', 'provide', 'wrap', 'request'],
    standard: { outcome: 'cancelled' },
    async measure(server, form) {
      const query = { unread: '1000' }
      const { id, exchange } = await server.send(form, 'half of its length', { query })
      await exchange.receivedText('hello ')
      exchange.destroy()
      const { outcome } = await untilStarted(server, id)
      return { outcome }
    },
  },
]
