import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe } from 'vitest'
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
