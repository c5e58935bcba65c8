import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RawRequest, type RawResponse, request, send } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'
import { bodyStarted } from './suite.ts'

const file = (name: string): string =>
  fileURLToPath(new URL(`graphql-yoga/${name}`, import.meta.url))

const notify = JSON.stringify({ query: 'mutation { notify(email: "ada@example.com") }' })

const data = (response: RawResponse) => JSON.parse(String(response.body)).data

describe('provideBackgroundTasks() as a plugin of GraphQL Yoga', () => {
  let server: ServerProcess
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
    server = await startServer(['node', file('server.ts')])
  })
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true })
  })

  const query = (name: string, id: string, more: string = ''): RawRequest => ({
    port: server.port,
    path: `/graphql?case=${name}&id=${id}&query=${encodeURIComponent(`{ answer ${more} }`)}`,
  })
  const open = (id: string): Promise<unknown> => request(query('open', id))
  const seen = async (type: string, id: string): Promise<ServerEvent> => {
    const is = (event: ServerEvent): boolean => event.type === type && event.id === id
    const [event = { type: 'none' }] = (await server.until((all) => all.some(is))).filter(is)
    return event
  }

  it('runs the task of a resolver once the result has been sent', async () => {
    const response = await request(query('json', 'query'))
    expect(response).toMatchObject({ status: 200, complete: true })
    expect(data(response)).toEqual({ answer: '{"id":"query"}' })
    expect(await seen('task-end', 'query')).toMatchObject({ outcome: 'closed' })
  })

  it('runs the task of a mutation', async () => {
    const response = await request({
      ...query('json', 'mutation'),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'mutation { answer }' }),
    })
    expect(data(response)).toEqual({ answer: '{"id":"mutation"}' })
    expect(await seen('task-end', 'mutation')).toMatchObject({ outcome: 'closed' })
  })

  it('runs the tasks of an operation of which a resolver failed', async () => {
    const response = await request(query('throw', 'failed'))
    expect(response).toMatchObject({ status: 200, complete: true })
    expect(JSON.parse(String(response.body))).toMatchObject({ errors: [{ path: ['answer'] }] })
    expect(await seen('task-end', 'failed')).toMatchObject({ outcome: 'closed' })
  })

  it('gives the resolvers of one request one list, and no other request the same', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `shared-${index}`)
    const responses = await Promise.all(
      ids.map((id) => request(query('shared', id, `sibling(id: "${id}")`))),
    )
    // Whichever of the two resolvers ends last sees the three tasks of both.
    const sizes = responses.map((response) => {
      const { answer, sibling } = data(response)
      return [JSON.parse(answer).size, sibling].toSorted()
    })
    expect(sizes).toEqual(ids.map(() => [2, 3]))
    await Promise.all(ids.map((id) => seen('sibling', id)))
  })

  it('runs it for a client that left before the resolver returned', async () => {
    const { socket } = await send(query('early', 'early'))
    await seen('entered', 'early')
    socket.destroy()
    await seen('aborted', 'early')
    await open('early')
    expect(await seen('task-end', 'early')).toMatchObject({ outcome: 'cancelled' })
  })

  it('runs the task of a subscription when its client has left', async () => {
    const exchange = await send({
      port: server.port,
      path: `/graphql?query=${encodeURIComponent('subscription { ticks(id: "ticks") }')}`,
      headers: { accept: 'text/event-stream' },
    })
    await bodyStarted(exchange, 'tick')
    exchange.socket.destroy()
    expect(await seen('notification', 'ticks')).toMatchObject({ message: 'cancelled' })
    await seen('source-cancelled', 'ticks')
  })

  it('does not hold back the result for a task that takes long or blocks the thread', async () => {
    expect(await request(query('slow-task', 'slow'))).toMatchObject({ status: 200, complete: true })
    await open('slow')
    await seen('task-end', 'slow')
    const asked = query('blocking-task', 'blocking')
    const made = join(folder, 'blocking')
    const response = await request({ ...asked, path: `${asked.path}&file=${made}` })
    expect(response).toMatchObject({ status: 200, complete: true })
    await writeFile(made, '')
    expect(await seen('task-end', 'blocking')).toMatchObject({ result: 'seen' })
  })

  it('answers HEAD without a resolver, and so without a task', async () => {
    const response = await request({ ...query('json', 'head'), method: 'HEAD' })
    expect(response).toMatchObject({ status: 405 })
    await request(query('json', 'after-head'))
    await seen('task-end', 'after-head')
    const events = await server.until(() => true)
    expect(events).not.toContainEqual(expect.objectContaining({ id: 'head' }))
  })

  it('has run no task twice', async () => {
    const events = await server.until(() => true)
    const ends = events.filter(({ type }) => type === 'task-end').map(({ id }) => id)
    expect(ends).toEqual([...new Set(ends)])
    expect(ends).toHaveLength(7 + 20)
  })
})

describe('the example of docs/graphql-yoga.md', () => {
  it('notifies in the background', async () => {
    const server = await startServer(['node', file('provided.ts')])
    const response = await request({
      port: server.port,
      path: '/graphql',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: notify,
    })
    expect(JSON.parse(String(response.body))).toEqual({
      data: { notify: 'Notification sent in the background' },
    })
    const [notification] = await server.until((all) => all.length > 0)
    expect(notification).toMatchObject({ type: 'notification', id: 'ada@example.com' })
    await server.stop()
  })
})
