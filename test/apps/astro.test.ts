import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request, send } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'
import { appEnvironment, installApp, runIn } from './install.ts'
import { bodyStarted, itKeepsItsPromises, itNotifies, oneMoreTask } from './suite.ts'

let provided: ServerProcess
let plain: ServerProcess

beforeAll(async () => {
  const folder = await installApp('astro')
  const quiet = { ASTRO_TELEMETRY_DISABLED: '1' }
  const start = (build: string): Promise<ServerProcess> =>
    startServer(['node', `dist/${build}/server/entry.mjs`], {
      cwd: folder,
      env: appEnvironment(folder),
    })
  await runIn(folder, ['astro', 'build'], { ...quiet, PLAIN: '1' })
  await runIn(folder, ['astro', 'build'], quiet)
  await runIn(folder, ['astro', 'check'], quiet)
  provided = await start('provided')
  plain = await start('plain')
})
afterAll(async () => {
  await provided?.stop()
  await plain?.stop()
})

const ended = (server: ServerProcess, id: string): Promise<ServerEvent[]> =>
  server.until((all) => all.some((event) => event.type === 'task-start' && event.id === id))

describe('Astro with bare endpoints', () => {
  itKeepsItsPromises(
    () => plain,
    [
      { path: '/wrap', api: 'BackgroundTasks.wrap()', early: 'closed' },
      { path: '/handler', api: 'withBackgroundTasks()', thrown: 'thrown', early: 'closed' },
    ],
  )
})

describe('Astro with provideBackgroundTasks() as its middleware', () => {
  itKeepsItsPromises(
    () => provided,
    [{ path: '/provided', api: 'provideBackgroundTasks()', thrown: 'thrown', early: 'cancelled' }],
  )

  it('starts a task of a page only after the whole page, streamed parts included', async () => {
    const exchange = await send({ port: provided.port, path: '/page?case=stream&id=page' })
    await bodyStarted(exchange, '<h1>page</h1>')
    await oneMoreTask(provided, '/provided?case=json&id=after-page')
    expect(await provided.until(() => true)).not.toContainEqual(
      expect.objectContaining({ id: 'page' }),
    )
    await request({ port: provided.port, path: '/provided?case=open&id=page' })
    const response = await exchange.response
    expect(response).toMatchObject({ status: 200, complete: true })
    expect(String(response.body)).toContain('first,last')
    await ended(provided, 'page')
  })

  it('runs the task of an Astro action', async () => {
    const response = await request({
      port: provided.port,
      path: '/_actions/greet',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: `http://127.0.0.1:${provided.port}`,
      },
      body: JSON.stringify({ id: 'astro-action' }),
    })
    expect(response).toMatchObject({ status: 200, complete: true })
    await ended(provided, 'astro-action')
  })
})

describe('the examples of docs/astro.md', () => {
  it('notify in the background', async () => {
    await itNotifies(plain)
    await itNotifies(provided)
  })
})
