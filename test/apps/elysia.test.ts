import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { itKeepsItsPromises, itRunsTheExample } from './suite.ts'

const file = (name: string): string => fileURLToPath(new URL(`elysia/${name}`, import.meta.url))

describe('Elysia on Bun', () => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer(['bun', file('server.ts')])
  })
  afterAll(() => server?.stop())

  itKeepsItsPromises(
    () => server,
    [
      { path: '/wrap', api: 'BackgroundTasks.wrap()' },
      { path: '/handler', api: 'withBackgroundTasks()', thrown: 'thrown' },
    ],
  )

  // It looks in the source of a handler for what may return a promise: ours is no async function.
  it('waits for an async handler before it calls a hook', async () => {
    const { body } = await request({ port: server.port, path: '/late' })
    expect(JSON.parse(String(body))).toEqual({ seen: { tasks: 0 } })
  })
})

describe('Elysia on Bun, inside a wrapper', () => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer(['bun', file('server.ts'), 'provided'])
  })
  afterAll(() => server?.stop())

  itKeepsItsPromises(
    () => server,
    [{ path: '/provided', api: 'provideBackgroundTasks()', thrown: 'closed' }],
  )
})

describe('the examples of docs/elysia.md', () => {
  itRunsTheExample('handlers.ts', ['bun', file('handlers.ts')])
  itRunsTheExample('provided.ts', ['bun', file('provided.ts')])
})
