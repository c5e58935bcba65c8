import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request, send } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'
import { appEnvironment, installApp, runIn } from './install.ts'
import { bodyStarted, itKeepsItsPromises, itNotifies, oneMoreTask } from './suite.ts'

let hooked: ServerProcess
let plain: ServerProcess

beforeAll(async () => {
  const folder = await installApp('sveltekit')
  // By itself the server takes its origin for HTTPS, and refuses the forms of an HTTP page.
  const env = { ...appEnvironment(folder), PROTOCOL_HEADER: 'x-forwarded-proto' }
  const start = (build: string): Promise<ServerProcess> =>
    startServer(['node', `build/${build}`], { cwd: folder, env })
  await runIn(folder, ['vite', 'build'])
  await runIn(folder, ['vite', 'build'], { PLAIN: '1' })
  await runIn(folder, ['svelte-kit', 'sync'])
  await runIn(folder, ['svelte-check', '--fail-on-warnings'])
  hooked = await start('hooked')
  plain = await start('plain')
})
afterAll(async () => {
  await hooked?.stop()
  await plain?.stop()
})

const ended = (server: ServerProcess, id: string): Promise<ServerEvent[]> =>
  server.until((all) => all.some((event) => event.type === 'task-start' && event.id === id))

describe('SvelteKit with bare endpoints', () => {
  itKeepsItsPromises(
    () => plain,
    [
      { path: '/wrap', api: 'BackgroundTasks.wrap()' },
      { path: '/handler', api: 'withBackgroundTasks()', thrown: 'thrown' },
    ],
  )

  it('runs the tasks of a redirect() that a handler throws, and tells them its head', async () => {
    const response = await request({ port: plain.port, path: '/redirect?id=redirect' })
    expect(response).toMatchObject({ status: 303, complete: true })
    expect(response.headers).toContainEqual(['location', '/elsewhere'])
    expect((await ended(plain, 'redirect')).filter(({ id }) => id === 'redirect')).toEqual([
      {
        type: 'task-start',
        id: 'redirect',
        outcome: 'closed',
        status: 303,
        location: '/elsewhere',
      },
    ])
  })

  it('takes error() for a handler that failed', async () => {
    expect(await request({ port: plain.port, path: '/error?id=error' })).toMatchObject({
      status: 404,
      complete: true,
    })
    const events = await plain.until((all) =>
      all.some(({ type, id }) => type === 'task-thrown' && id === 'error'),
    )
    expect(events).not.toContainEqual({ type: 'task-start', id: 'error' })
  })
})

describe('SvelteKit with provideBackgroundTasks() as its handle hook', () => {
  itKeepsItsPromises(
    () => hooked,
    [{ path: '/provided', api: 'provideBackgroundTasks()', thrown: 'closed' }],
  )

  it('runs the tasks of a redirect() that an endpoint throws', async () => {
    const response = await request({ port: hooked.port, path: '/redirect?id=redirect' })
    expect(response).toMatchObject({ status: 303 })
    await ended(hooked, 'redirect')
  })

  it('starts a task of load() only after the whole page, streamed promises included', async () => {
    const exchange = await send({
      port: hooked.port,
      path: '/page?case=stream&id=page',
      headers: { accept: 'text/html' },
    })
    await bodyStarted(exchange, '<h1>page</h1>')
    await oneMoreTask(hooked, '/provided?case=json&id=after-page')
    expect(await hooked.until(() => true)).not.toContainEqual(
      expect.objectContaining({ id: 'page' }),
    )
    await request({ port: hooked.port, path: '/provided?case=open&id=page' })
    const response = await exchange.response
    expect(response).toMatchObject({ status: 200, complete: true })
    expect(String(response.body)).toContain('first,last')
    await ended(hooked, 'page')
  })

  it('runs the task of a form action that redirects', async () => {
    const response = await request({
      port: hooked.port,
      path: '/page',
      method: 'POST',
      headers: {
        accept: 'text/html',
        'content-type': 'application/x-www-form-urlencoded',
        origin: `http://127.0.0.1:${hooked.port}`,
        'x-forwarded-proto': 'http',
      },
      body: 'id=form-action',
    })
    expect(response).toMatchObject({ status: 303 })
    await ended(hooked, 'form-action')
  })
})

describe('the examples of docs/sveltekit.md', () => {
  it('notify in the background', async () => {
    await itNotifies(plain)
    await itNotifies(hooked)
  })
})
