import type { HostServer } from '../host-server.ts'
import type { Case } from './case.ts'

const forms = ['with', 'provide', 'wrap', 'request'] as const
const whole = 'first chunk,second chunk'

/** Caches in front of the handler: what one client does is nothing to the others. */
export const clones: readonly Case[] = [
  {
    // The copy was cut on seven hosts: the source was cancelled for everybody.
    name: 'left, a cache reads a clone',
    forms,
    standard: { outcome: 'any', copy: whole },
    async measure(server, form) {
      const query = { cache: 'store', unread: '1000' }
      const { id, exchange } = await server.send(form, 'stream', { query })
      await exchange.received(1)
      exchange.destroy()
      await pastPatience(server)
      await server.open(`${id}/source`)
      await server.until('task-end', id)
      return { outcome: 'any', copy: lines((await server.until('stored', id))['text']) }
    },
  },
  {
    // Every later client was answered with 500.
    name: 'left, a cache keeps the answer',
    forms,
    standard: { outcome: 'any', copy: whole },
    async measure(server, form) {
      const query = { cache: 'keep', key: crypto.randomUUID(), unread: '1000' }
      const { id, exchange } = await server.send(form, 'stream', { query })
      await exchange.received(1)
      exchange.destroy()
      await pastPatience(server)
      await server.open(`${id}/source`)
      const second = await server.send(form, 'stream', { query })
      const { status, body } = await second.exchange.response
      second.exchange.destroy()
      await server.until('task-end', id)
      return { outcome: 'any', copy: status === 200 ? lines(body) : `status ${status}` }
    },
  },
]

/** Longer than a host is given to cancel what it was sending. */
async function pastPatience(server: HostServer): Promise<void> {
  const end = performance.now() + 400
  while (performance.now() < end) await server.turns(1)
}

function lines(text: unknown): string {
  return String(text).trim().replaceAll('\n', ',')
}
