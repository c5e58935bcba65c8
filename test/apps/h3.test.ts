import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request, send } from '../support/client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { bodyStarted, itKeepsItsPromises, itRunsTheExample, oneMoreTask } from './suite.ts'

const file = (name: string): string => fileURLToPath(new URL(`h3/${name}`, import.meta.url))

describe.each([
  // A middleware of h3 sees what the handler returned, and not yet a response: only Node's own
  // response tells there when it is over.
  { runtime: 'node', values: ['/middleware/value', '/provided/value'] },
  { runtime: 'bun', values: ['/provided/value'] },
])('h3 on $runtime', ({ runtime, values }) => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer([runtime, file('server.ts')])
  })
  afterAll(() => server?.stop())

  itKeepsItsPromises(
    () => server,
    [
      { path: '/wrap', api: 'BackgroundTasks.wrap()' },
      { path: '/handler', api: 'withBackgroundTasks()', thrown: 'thrown' },
      { path: '/middleware', api: 'provideBackgroundTasks() as a middleware', thrown: 'thrown' },
      { path: '/provided', api: 'provideBackgroundTasks() round the app', thrown: 'closed' },
    ],
  )

  it.each(values)(
    'starts a task only after a stream that h3 makes a response of, %s',
    async (path) => {
      const exchange = await send({ port: server.port, path: `${path}?case=stream&id=${path}` })
      await bodyStarted(exchange, 'first,')
      await oneMoreTask(server, `/wrap?case=json&id=after-${path}`)
      expect(await server.until(() => true)).not.toContainEqual(
        expect.objectContaining({ id: path }),
      )
      await request({ port: server.port, path: `/wrap?case=open&id=${path}` })
      expect(String((await exchange.response).body)).toBe('first,last')
      const events = await server.until((all) =>
        all.some(({ type, id }) => type === 'task-end' && id === path),
      )
      expect(events.filter(({ id }) => id === path).map(({ type }) => type)).toEqual([
        'source-closed',
        'task-start',
        'task-end',
      ])
    },
  )
})

describe('the examples of docs/h3.md', () => {
  itRunsTheExample('handlers.ts', ['node', file('handlers.ts')])
  itRunsTheExample('provided.ts', ['node', file('provided.ts')])
})
