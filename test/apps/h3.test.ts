import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe } from 'vitest'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { itKeepsItsPromises, itRunsTheExample } from './suite.ts'

const file = (name: string): string => fileURLToPath(new URL(`h3/${name}`, import.meta.url))

describe('h3 on Node', () => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer(['node', file('server.ts')])
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
})

describe('the examples of docs/h3.md', () => {
  itRunsTheExample('handlers.ts', ['node', file('handlers.ts')])
  itRunsTheExample('provided.ts', ['node', file('provided.ts')])
})
