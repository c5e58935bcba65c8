import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RawResponse, request, send } from '../support/client.ts'
import { freePort, type ServerProcess, startServer } from '../support/server-process.ts'
import { appEnvironment, installApp, runIn } from './install.ts'
import { itFinishesItsTasks, itRunsTasksAfterThePage, itTellsOfAFailingSource } from './pages.ts'
import { bodyStarted, itKeepsItsPromises } from './suite.ts'

let folder = ''
beforeAll(async () => {
  folder = await installApp('react-router')
})

const reactRouter = {
  data: (path: string): string => path.replace('/page', '/page.data'),
  isCompressed: true,
}

const post = ({ port }: ServerProcess, path: string, email: string): Promise<RawResponse> =>
  request({
    port,
    path,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `email=${encodeURIComponent(email)}`,
  })

/** `app` has the middleware at its root, `plain` has none. */
const build = (app: string): Promise<string> =>
  runIn(folder, ['react-router', 'build'], { APP: app })
const start = (app: string): Promise<ServerProcess> =>
  startServer(['react-router-serve', `build/${app}/server/index.js`], {
    cwd: folder,
    env: appEnvironment(folder),
  })

describe('React Router with provideBackgroundTasks() as its root middleware', () => {
  let pages: ServerProcess
  let resources: ServerProcess
  beforeAll(async () => {
    await build('app')
    pages = await start('app')
    resources = await start('app')
  })
  afterAll(() => Promise.all([pages?.stop(), resources?.stop()]))

  itRunsTasksAfterThePage(() => pages, reactRouter)

  itKeepsItsPromises(
    () => resources,
    [
      { path: '/resource', api: 'backgroundTasks() in a resource route', thrown: 'closed' },
      { path: '/joined', api: 'withBackgroundTasks() below it', thrown: 'thrown' },
    ],
  )

  it('answers a thrown data(), which is an error to withBackgroundTasks() alone', async () => {
    const page = await request({ port: pages.port, path: '/data?id=gone' })
    expect(page).toMatchObject({ status: 404, complete: true })
    expect(String(page.body)).toContain('Answered 404')
    const events = await pages.until((all) =>
      all.some(({ type, id }) => `${type} ${id}` === 'task-end joined-thrown gone'),
    )
    expect(events.filter(({ type, id }) => type === 'task-end' && id?.endsWith(' gone'))).toEqual([
      { type: 'task-end', id: 'request gone', outcome: 'closed', result: 'done' },
      { type: 'task-end', id: 'joined-thrown gone', outcome: 'thrown', result: 'done' },
    ])
  })

  describe('the examples of the guides', () => {
    it('send the welcome of an action only when it has not thrown', async () => {
      expect(await post(pages, '/invite', 'broken')).toMatchObject({ status: 500, complete: true })
      const page = await post(pages, '/invite', 'eve@example.com')
      expect(page).toMatchObject({ status: 200, complete: true })
      expect(String(page.body)).toContain('eve@example.com')
      await pages.until(() => pages.output().includes('welcome, eve@example.com\n'))
      expect(pages.output()).toContain('broken is no address')
      expect(pages.output()).not.toContain('welcome, broken')
    })

    it('share the list between an action and what it calls', async () => {
      const response = await post(pages, '/send-notification/ada@example.com?q=some-query', '')
      expect(response).toMatchObject({ status: 200, complete: true })
      expect(JSON.parse(String(response.body))).toEqual({
        message: 'Message sent',
        query: 'some-query',
      })
      await pages.until(() => pages.output().includes('log: message to ada@example.com\n'))
      expect(pages.output().match(/^log: .*/gm)).toEqual([
        'log: found query: some-query',
        'log: message to ada@example.com',
      ])
    })
  })

  itTellsOfAFailingSource(() => resources)
  itFinishesItsTasks(() => start('app'))

  it('type checks', async () => {
    await runIn(folder, ['react-router', 'typegen'])
    await runIn(folder, ['tsc'])
  })

  it('leaves nothing of the package in the files for the browser', async () => {
    const assets = join(folder, 'build/app/client/assets')
    const files = (await readdir(assets)).filter((name) => name.endsWith('.js'))
    expect(files).not.toHaveLength(0)
    for (const file of files) {
      expect(await readFile(join(assets, file), 'utf8')).not.toMatch(/async_hooks|ackgroundTasks/)
    }
  })
})

describe('React Router without the middleware', () => {
  let server: ServerProcess
  beforeAll(async () => {
    await build('plain')
    server = await start('plain')
  })
  afterAll(() => server?.stop())

  itKeepsItsPromises(
    () => server,
    [{ path: '/resource', api: 'withBackgroundTasks() in a resource route', thrown: 'thrown' }],
  )
  itTellsOfAFailingSource(() => server)

  it('starts the tasks of a page before the page is sent', async () => {
    const exchange = await send({ port: server.port, path: '/page?id=warned' })
    await bodyStarted(exchange, 'Waiting')
    await server.until((all) => all.some(({ id }) => id === 'page warned'))
    await request({ port: server.port, path: '/release?gate=late%20warned' })
    expect(await exchange.response).toMatchObject({ status: 200, complete: true })
  })
})

describe('react-router dev', () => {
  let server: ServerProcess
  beforeAll(async () => {
    const port = await freePort()
    const command = ['react-router', 'dev', '--host', '127.0.0.1', '--port', String(port)]
    server = await startServer(command, { cwd: folder, env: appEnvironment(folder), port })
  })
  afterAll(() => server?.stop())

  itRunsTasksAfterThePage(() => server, { ...reactRouter, isCompressed: false })
})
