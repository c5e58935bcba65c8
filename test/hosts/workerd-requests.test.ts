import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { request } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'
import { writeProgram } from './results.ts'
import { workerCommand, type WorkerOptions } from './workers.ts'

/** A Worker as a user builds it; `path` is what its starter passes to the package. */
interface Build extends WorkerOptions {
  readonly starter: string
  readonly path: string
}

const module = 'starters/three-tasks.ts'

// Each promise belongs to the request that made it: one that the package shared among requests
// stopped every list at its first `await`, from the second request on.
describe.each<[string, Build]>([
  ['without the condition, ctx passed', { starter: module, conditions: [], path: '/ctx' }],
  ['with the condition, ctx passed', { starter: module, path: '/ctx' }],
  ['with the condition, ctx not passed', { starter: module, path: '/no-ctx' }],
  ['with the condition, wrap alone', { starter: module, path: '/wrap' }],
  [
    'in the service-worker format, the event passed',
    { starter: 'starters/service-worker.ts', conditions: [], format: 'iife', path: '/' },
  ],
])('A Worker, request after request: %s', (_, build) => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer(await workerCommand(build.starter, build))
  })
  afterAll(() => server.stop())

  it('runs all tasks of three requests in turn', async () => {
    for (const id of ['first', 'second', 'third']) {
      await ask(server, build.path, id)
      expect(await tasksOf(server, id)).toEqual([1, 2, 3])
    }
  })

  it('runs all tasks of parallel requests, in the order of each list', async () => {
    const ids = Array.from({ length: 20 }, (_each, index) => `parallel-${index}`)
    await Promise.all(ids.map((id) => ask(server, build.path, id)))
    for (const id of ids) expect(await tasksOf(server, id)).toEqual([1, 2, 3])
  })

  it('is told nothing', () => {
    expect(server.output()).not.toMatch(/warn|error|Cannot/i)
  })
})

describe('A Worker without the condition that passes no ctx', () => {
  it('answers every request, and is warned once', async () => {
    const command = await workerCommand(module, { conditions: [] })
    const server = await startServer(command)
    onTestFinished(() => server.stop())
    const ids = ['first', 'second', 'third']
    for (const id of ids) await ask(server, '/no-ctx', id)
    await Promise.all(ids.map((id) => ask(server, '/wrap', `${id}-parallel`)))
    // What is printed later is not of the requests before.
    await ask(server, '/ctx', 'last')
    await tasksOf(server, 'last')
    expect(server.output().match(/^(warn|error): .*/gm)).toEqual([
      'warn: Cannot keep the Worker alive for its tasks: no waitUntil was found, pass ctx or the event to the handler, or bundle modules with the export condition workerd',
    ])
  })
})

describe('A service worker', () => {
  it('runs the program of the docs', async () => {
    const options = { conditions: [], format: 'iife' } as const
    const server = await startServer(await workerCommand('examples/service-worker.ts', options))
    onTestFinished(() => server.stop())
    const { body } = await request({ port: server.port })
    expect(JSON.parse(String(body))).toEqual({ message: 'Notification sent in the background' })
    await server.until(() =>
      server.output().includes('notification for ada@example.com: some notification'),
    )
    await writeProgram('service-worker', { title: 'Service workers', server })
  })
})

async function ask({ port }: ServerProcess, path: string, id: string): Promise<void> {
  const { status, body } = await request({ port, path: `${path}?id=${id}` })
  expect({ status, body: String(body) }).toEqual({ status: 200, body: JSON.stringify({ id }) })
}

/** The tasks of a request, in the order in which they ended, when the last one has. */
async function tasksOf({ until }: ServerProcess, id: string): Promise<unknown[]> {
  const isTask = (event: ServerEvent): boolean => event.type === 'task' && event.id === id
  const events = await until((all) => all.filter(isTask).length >= 3)
  return events.filter(isTask).map(({ number }) => number)
}
