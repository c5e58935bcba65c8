/** The package as it is installed: what is built, under its own name. */
import { access, readdir, readFile } from 'node:fs/promises'
import { sep } from 'node:path'
import * as door from 'background-tasks'
import {
  BackgroundTask,
  BackgroundTaskError,
  BackgroundTasks,
  drain,
  instrument,
  withBackgroundTasks,
} from 'background-tasks'
import * as bullmq from 'background-tasks/bullmq'
import * as context from 'background-tasks/context'
import * as hono from 'background-tasks/hono'
import * as openTelemetry from 'background-tasks/opentelemetry'
import * as workerThreads from 'background-tasks/worker-threads'
import { describe, expect, it, vi } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { exportedNames } from './support/exported-names.ts'
import { newGate } from './support/gate.ts'
import { rejection } from './support/misuse.ts'
import { watchReports } from './support/reports.ts'

watchReports()

describe('background-tasks', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('index', door)).toEqual({
      values: [
        'BackgroundTask',
        'BackgroundTaskError',
        'BackgroundTasks',
        'drain',
        'inFlight',
        'instrument',
        'waitUntil',
        'withBackgroundTasks',
      ],
      types: [
        'BackgroundTasksOptions',
        'HandlerOptions',
        'Outcome',
        'ResponseEnd',
        'TaskContext',
        'TaskDefinition',
        'TaskResult',
        'TaskStatus',
        'When',
        'WrapOptions',
      ],
    })
  })

  it('runs a BackgroundTask after the response that it wraps', async () => {
    const write = vi.fn<(email: string) => void>()
    const task = new BackgroundTask(write, 'ada@example.com')
    const response = task.wrap(new Response('answered'))
    expect(await response.text()).toBe('answered')
    expect(task.status).toBe('pending')
    expect(await task.finished).toMatchObject({ status: 'fulfilled', outcome: 'closed' })
    expect(write.mock.calls).toEqual([['ada@example.com']])
  })

  it('runs BackgroundTasks in their order after the response that they wrap', async () => {
    const calls: string[] = []
    const tasks = new BackgroundTasks([new BackgroundTask(() => void calls.push('first'))])
    tasks.addTask(async (name: string) => void calls.push(name), 'second')
    tasks.defer(() => void calls.push('cleanup'))
    const response = tasks.wrap(new Response('answered'))
    expect(await response.text()).toBe('answered')
    expect(calls).toEqual([])
    await tasks.finished
    expect(calls).toEqual(['first', 'second', 'cleanup'])
  })

  it('gives a list to a handler withBackgroundTasks', async () => {
    const answered = newGate<string>()
    const handler = withBackgroundTasks((tasks, request: Request) => {
      tasks.addTask(answered.open, request.url)
      return new Response('answered')
    })
    const response = await handler(new Request('http://localhost/'))
    expect(await response.text()).toBe('answered')
    expect(await answered.opened).toBe('http://localhost/')
  })

  it('waits in drain() until the tasks have ended', async () => {
    const gate = newGate()
    const task = new BackgroundTask(() => gate.opened)
    void task.run()
    const drained = drain()
    gate.open()
    expect(await drained).toEqual({ finished: 1, abandoned: [] })
    expect(task.status).toBe('fulfilled')
  })

  it('calls what is given to instrument() around each task, until that is undone', async () => {
    const seen: string[] = []
    const undo = instrument(async ({ name }, run) => {
      seen.push(`${name} starts`)
      await run()
      seen.push(`${name} has ended`)
    })
    const tasks = new BackgroundTasks()
    tasks.addTask({ name: 'first', run: () => seen.push('first runs') })
    await tasks.run()
    undo()
    tasks.addTask({ name: 'second', run: () => seen.push('second runs') })
    await tasks.finished
    expect(seen).toEqual(['first starts', 'first runs', 'first has ended', 'second runs'])
  })

  it('rejects run() with a BackgroundTaskError', async () => {
    const cause = new Error('mailbox full')
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([], { onError })
    tasks.addTask(function sendEmail() {
      throw cause
    })
    const error = await rejection(tasks.run())
    expect(error).toBeInstanceOf(BackgroundTaskError)
    expect(error).toMatchObject({ task: 'sendEmail', cause, skipped: [] })
    expect(onError.mock.calls).toEqual([[error]])
  })
})

describe('Every other door', () => {
  // Without next, which needs Next.js: test/package loads it.
  const built = {
    context,
    hono,
    opentelemetry: openTelemetry,
    'worker-threads': workerThreads,
    bullmq,
  }

  it('is an export of the package', () => {
    const names = [...Object.keys(built), 'next']
    expect(Object.keys(packageJson.exports).toSorted()).toEqual(
      ['.', ...names.map((name) => `./${name}`), './package.json'].toSorted(),
    )
  })

  it.each(Object.entries(built))('is built as it is written: %s', async (name, namespace) => {
    const source: object = await import(`../src/${name}.ts`)
    expect(exportedNames(name, namespace)).toEqual(exportedNames(name, source))
    expect(Object.keys(namespace)).not.toEqual([])
  })
})

describe('Every file of the sources', () => {
  it('has a test of its name, in the folder of its name', async () => {
    const missing: string[] = []
    for (const source of await readdir(new URL('../src', import.meta.url), { recursive: true })) {
      const file = source.replaceAll(sep, '/')
      if ((await hasCode(file)) && !(await isTested(file))) missing.push(file)
    }
    expect(missing).toEqual([])
  })

  it('has a page of its name where it is an entry point', async () => {
    const files = await readdir(new URL('../src', import.meta.url))
    const entryPoints = files.filter((file) => file.endsWith('.ts'))
    const pages = entryPoints.map((file) => file.replace(/\.ts$/, '.md'))
    const docs = await readdir(new URL('../docs', import.meta.url))
    expect(docs).toEqual(expect.arrayContaining(pages))
  })
})

/** Tested with hosts/wait-until.ts, and on workerd. */
const tested = ['hosts/platform-wait-until.ts', 'hosts/platform-wait-until.workerd.ts']

async function isTested(source: string): Promise<boolean> {
  if (tested.includes(source)) return true
  const test = source.replace(/\.ts$/, '.test.ts').replace(/^hosts\//, 'hosts/unit/')
  // An entry point that needs more than this package is tested beside what it needs.
  const places = source.includes('/') ? [test] : [test, `services/${test}`, `apps/${test}`]
  const found = places.map((place) => access(new URL(place, import.meta.url)))
  return await Promise.any(found).then(
    () => true,
    () => false,
  )
}

/** Not a folder, a declaration, or a file of types alone. */
async function hasCode(source: string): Promise<boolean> {
  if (!source.endsWith('.ts') || source.endsWith('.d.ts')) return false
  const text = await readFile(new URL(`../src/${source}`, import.meta.url), 'utf8')
  return /^export (?!type |interface )/m.test(text)
}
