import { afterAll, beforeAll, describe, it } from 'vitest'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { appEnvironment, installApp, runIn } from './install.ts'
import { itFinishesItsTasks, itRunsTasksAfterThePage, itTellsOfAFailingSource } from './pages.ts'
import { itKeepsItsPromises } from './suite.ts'

let folder = ''
beforeAll(async () => {
  folder = await installApp('remix')
  await runIn(folder, ['remix', 'vite:build'])
})

const remix = {
  data: (path: string): string => path.replace('/page', '/page.data'),
  isCompressed: false,
}

const start = (command: string[], env: Record<string, string> = {}): Promise<ServerProcess> =>
  startServer(command, { cwd: folder, env: { ...appEnvironment(folder), ...env } })

describe('Remix with provideBackgroundTasks() round its request handler', () => {
  let pages: ServerProcess
  let resources: ServerProcess
  beforeAll(async () => {
    pages = await start(['node', 'server.js'], { NODE_ENV: 'production' })
    resources = await start(['node', 'server.js'], { NODE_ENV: 'production' })
  })
  afterAll(() => Promise.all([pages?.stop(), resources?.stop()]))

  itRunsTasksAfterThePage(() => pages, remix)
  itKeepsItsPromises(
    () => resources,
    [
      { path: '/provided', api: 'backgroundTasks() in a resource route', thrown: 'closed' },
      { path: '/resource', api: 'withBackgroundTasks() below it', thrown: 'thrown' },
    ],
  )
  itTellsOfAFailingSource(() => resources)

  it('type checks', async () => {
    await runIn(folder, ['tsc'])
  })
})

describe('the same server with Vite', () => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await start(['node', 'server.js'])
  })
  afterAll(() => server?.stop())

  itRunsTasksAfterThePage(() => server, remix)
})

describe.each([
  { name: 'with single fetch', output: 'build' },
  { name: 'without future flags, on its own Response', output: 'build/legacy' },
])('remix-serve $name', ({ output }) => {
  let server: ServerProcess
  const serve = (): Promise<ServerProcess> => start(['remix-serve', `${output}/server/index.js`])
  beforeAll(async () => {
    if (output !== 'build') {
      await runIn(folder, ['remix', 'vite:build'], { FUTURE: 'none', BUILD: output })
    }
    server = await serve()
  })
  afterAll(() => server?.stop())

  itKeepsItsPromises(
    () => server,
    [{ path: '/resource', api: 'withBackgroundTasks() in a resource route', thrown: 'thrown' }],
  )
  itTellsOfAFailingSource(() => server)
  itFinishesItsTasks(serve)
})

describe('the same server with a build that has a copy of the package in it', () => {
  let server: ServerProcess
  beforeAll(async () => {
    await runIn(folder, ['remix', 'vite:build'], { BUNDLED: 'yes' })
    server = await start(['node', 'server.js'], { NODE_ENV: 'production' })
  })
  afterAll(() => server?.stop())

  itRunsTasksAfterThePage(() => server, remix)
})
