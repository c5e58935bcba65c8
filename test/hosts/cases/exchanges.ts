import type { RawResponse } from '../../support/client.ts'
import type { Exchange } from '../exchange.ts'
import type { Form, HostServer, Sent } from '../host-server.ts'
import { compare } from '../wire.ts'
import { type Case, lastByte, type Measured } from './case.ts'

const names = [
  'string',
  'json',
  'bytes',
  'blob',
  'stream',
  '20 MB',
  'empty',
  'none',
  'no content',
  'not modified',
  'redirect',
  'network error',
  'two cookies',
  'status text',
  'content-length',
  'stream with content-length',
  'proxied fetch',
  'proxied fetch, encoded',
  'proxied fetch, half there',
  'proxied status 999',
  'proxied status 600',
  'no content, but a body',
  'not modified, but a body',
  'encoded already',
  'encoded already, stream',
]

/** Asked for with `HEAD` and `wrap` alone too: one short body, and those without one. */
const shortBodies = ['json', 'none', 'no content', 'not modified', 'redirect', 'network error']

/** Requests that end well: every byte as from the bare handler, the task after the last one. */
export const exchanges: readonly Case[] = ['GET', 'HEAD'].flatMap((method) =>
  names.map((name) => ({
    name: `${method} ${name}`,
    forms: formsOf(method, name),
    isLarge: method === 'GET' && name === '20 MB',
    standard: {
      outcome: 'closed',
      wire: 'same',
      ...(canBlock(method, name) && { lastByte: 'sent before a blocking task' }),
    },
    measure: (server, form) => measure(server, form, method, name),
  })),
)

/**
 * Some adapters read a streamed body of a HEAD to its end, for which they need the process, and one
 * never answers with a network error: there is no last byte then.
 */
function canBlock(method: string, name: string): boolean {
  return name !== 'network error' && !(method === 'HEAD' && /stream|proxied/.test(name))
}

function formsOf(method: string, name: string): Form[] {
  const isPlain = name === 'string' || name === 'stream'
  if (method === 'GET') return isPlain ? ['with', 'provide', 'wrap'] : ['with', 'wrap']
  if (isPlain) return ['with', 'provide', 'wrap', 'request']
  // A host may never tell of a HEAD: each wait for `unreadTimeout` takes a second.
  return shortBodies.includes(name) ? ['with', 'wrap', 'request'] : ['with', 'request']
}

async function measure(
  server: HostServer,
  form: Form,
  method: string,
  name: string,
): Promise<Measured> {
  const bare = await server.bare(`${method} ${name}`, async () => {
    const { exchange, response, opening } = await ask(server, 'bare', method, name)
    await opening
    exchange.destroy()
    return response
  })
  const { id, exchange, response, opening } = await ask(server, form, method, name)
  const hadEnded = await server.has('task-end', id)
  await server.unblock(id)
  const end = await server.until('task-end', id)
  await opening
  exchange.destroy()
  const { outcome } = await server.until('task-start', id)
  const wire = compare(bare, response)
  return canBlock(method, name)
    ? { outcome, wire, lastByte: lastByte(end, hadEnded) }
    : { outcome, wire }
}

async function ask(
  server: HostServer,
  form: Form,
  method: string,
  name: string,
): Promise<Sent & { response: RawResponse; opening: Promise<void> | undefined }> {
  const query = {
    ...(canBlock(method, name) && { task: 'blocking' }),
    ...(form === 'wrap' && method === 'HEAD' && { unread: '1000' }),
  }
  const { id, exchange } = await server.send(form, name, { method, query })
  const opening = openings[name]?.(server, id, exchange, method)
  if (name === 'network error') await answerOrLeave(server, exchange)
  return { id, exchange, response: await exchange.response, opening }
}

/** The client waits for as long as a host takes that answers, and then goes away. */
async function answerOrLeave(server: HostServer, exchange: Exchange): Promise<void> {
  await Promise.race([exchange.response, server.turns(20)])
  exchange.destroy()
}

/** Lets the rest of a body come, once it is known that the task has not started before that. */
const openings: Record<string, typeof openSource> = {
  stream: openSource,
  'proxied fetch, half there': release,
}

async function openSource(
  server: HostServer,
  id: string,
  exchange: Exchange,
  method: string,
): Promise<void> {
  if (method === 'GET') {
    await exchange.received(1)
    await server.turns(1)
    // The second chunk is not even made yet.
    if (await server.has('task-start', id)) throw new Error('The task started too early')
  }
  await server.open(`${id}/source`)
}

async function release(
  server: HostServer,
  id: string,
  _exchange: Exchange,
  method: string,
): Promise<void> {
  await server.until('fetched', id)
  if (method === 'GET') {
    await server.turns(3)
    if (await server.has('task-start', id)) throw new Error('The task started too early')
  }
  server.release(id)
}
