import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { itKeepsItsPromises } from './suite.ts'

const file = (name: string): string => fileURLToPath(new URL(`hono/${name}`, import.meta.url))

describe('Hono on Node', () => {
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
      { path: '/middleware', api: 'the middleware, with c.var.backgroundTasks', thrown: 'thrown' },
      { path: '/below', api: 'the middleware, with backgroundTasks()', thrown: 'thrown' },
      { path: '/elsewhere', api: 'the middleware without Node', thrown: 'thrown' },
      { path: '/route', api: 'the middleware in a sub-app and around it', thrown: 'thrown' },
      { path: '/mount', api: 'the middleware in a mounted app', thrown: 'thrown' },
      { path: '/provided', api: 'provideBackgroundTasks() round the app', thrown: 'closed' },
    ],
  )
})

describe('etag() and compress() of Hono', () => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer(['node', file('server.ts')])
  })
  afterAll(() => server?.stop())

  it.each(['/handler-tagged', '/provided-tagged', '/middleware-tagged', '/tagged-middleware'])(
    'let the tasks of %s run once, after what is sent in the end',
    async (path) => {
      const asked = { port: server.port, headers: { 'accept-encoding': 'gzip' } }
      const first = await request({ ...asked, path: `${path}?case=json&id=${path}-200` })
      expect(first.headers).toContainEqual(['content-encoding', 'gzip'])
      const tag = first.headers.find(([name]) => name === 'etag')?.[1] ?? 'none'
      const second = await request({
        ...asked,
        path: `${path}?case=json&id=${path}-200`,
        headers: { 'if-none-match': tag },
      })
      expect(second).toMatchObject({ status: 304 })
      const seen = await server.until(
        (all) =>
          all.filter(({ type, id }) => type === 'task-end' && id === `${path}-200`).length > 1,
      )
      expect(
        seen.filter(({ id }) => id === `${path}-200`).map(({ type, outcome }) => [type, outcome]),
      ).toEqual([
        ['task-start', 'closed'],
        ['task-end', 'closed'],
        ['task-start', 'closed'],
        ['task-end', 'closed'],
      ])
    },
  )
})
