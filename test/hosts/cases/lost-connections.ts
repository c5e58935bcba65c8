import type { Exchange } from '../exchange.ts'
import type { Form, HostServer, Sent } from '../host-server.ts'
import type { Case } from './case.ts'

const forms = ['with', 'provide', 'wrap', 'request'] as const

type Way = (exchange: Exchange) => void
type Moment = (server: HostServer, form: Form) => Promise<Sent>

const ways: Record<string, Way> = {
  'is closed': ({ destroy }) => destroy(),
  'is reset': ({ reset }) => reset(),
  'is half closed, then closed': ({ halfClose, destroy }) => {
    halfClose()
    destroy()
  },
}

/** Each sends a request and resolves when it is there. */
const moments: Record<string, Moment> = {
  'the handler is running, a string': (server, form) => handling(server, form, 'late string'),
  'the handler is running, a stream': (server, form) => handling(server, form, 'late stream'),
  'nothing is sent yet': async (server, form) => {
    const sent = await send(server, form, 'before the first byte')
    await server.until('answered', sent.id)
    return sent
  },
  'a stream is on its way': (server, form) => receiving(server, form, 'mid-stream', 1),
  'a stream waits for its source': (server, form) => receiving(server, form, 'stream', 1),
  'a stream waits for its client': (server, form) => paused(server, form, 'slow client'),
  'a string waits for its client': (server, form) => paused(server, form, '20 MB'),
  'all has been sent': async (server, form) => {
    const sent = await send(server, form, 'string')
    await sent.exchange.response
    return sent
  },
}

/**
 * A connection that ends in every way, at every moment: the end of each response is told. What waits
 * for ever is a leak that any client can cause.
 */
export const lostConnections: readonly Case[] = Object.entries(ways).map(([name, leave]) => ({
  name: `connection ${name}`,
  forms,
  standard: { outcome: 'any', left: [] },
  async measure(server, form) {
    const left = await Promise.all(
      Object.entries(moments).map(async ([moment, begin]) => {
        const { id, exchange } = await begin(server, form)
        leave(exchange)
        return (await hasStarted(server, id)) ? [] : [moment]
      }),
    )
    return { outcome: 'any', left: left.flat() }
  },
}))

function send(server: HostServer, form: Form, caseName: string): Promise<Sent> {
  return server.send(form, caseName, { query: { unread: '1000' } })
}

async function handling(server: HostServer, form: Form, caseName: string): Promise<Sent> {
  const sent = await send(server, form, caseName)
  await server.until('handling', sent.id)
  return sent
}

async function receiving(
  server: HostServer,
  form: Form,
  caseName: string,
  bytes: number,
): Promise<Sent> {
  const sent = await send(server, form, caseName)
  await sent.exchange.received(bytes)
  return sent
}

async function paused(server: HostServer, form: Form, caseName: string): Promise<Sent> {
  const sent = await receiving(server, form, caseName, 1)
  sent.exchange.pause()
  await server.turns(5)
  return sent
}

/** Lets the handler return, then the source go on: some hosts notice only as they write. */
async function hasStarted(server: HostServer, id: string): Promise<boolean> {
  await server.turns(1)
  await server.open(`${id}/return`)
  const started = await isTold(server, id)
  await server.open(`${id}/source`)
  return started || isTold(server, id)
}

/** Gives the host two seconds, and its source something to send. */
async function isTold(server: HostServer, id: string): Promise<boolean> {
  const end = performance.now() + 2000
  for (let turn = 0; performance.now() < end; turn += 1) {
    if (await server.has('task-start', id)) return true
    await server.open(`${id}/event/${turn}`)
  }
  return false
}
