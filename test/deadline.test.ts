import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { provideBackgroundTasks } from '../src/context.ts'
import {
  type BackgroundTaskError,
  BackgroundTasks,
  drain,
  type HandlerOptions,
  withBackgroundTasks,
} from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { NodeResponse } from './support/node-response.ts'
import { watchReports } from './support/reports.ts'
import { turn } from './support/turn.ts'

watchReports()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const url = 'http://localhost/'
const forEver = (): Promise<never> => new Promise(() => {})
const isCutBy = (platform: string) =>
  expect.objectContaining({
    name: 'TimeoutError',
    message: `${platform} ends the request now, move what takes so long to a queue`,
  })
const cut = isCutBy('The platform')

/** Answers with the tasks, and reads that. */
async function answer(
  add: (tasks: BackgroundTasks) => void,
  options: HandlerOptions = {},
  ...args: unknown[]
): Promise<{ tasks: BackgroundTasks; errors: BackgroundTaskError[] }> {
  const errors: BackgroundTaskError[] = []
  const list = newGate<BackgroundTasks>()
  const handle = withBackgroundTasks(
    (tasks, ..._args: unknown[]) => {
      add(tasks)
      list.open(tasks)
      return new Response('answered')
    },
    { onError: (error) => errors.push(error), ...options },
  )
  await (await handle(...args)).text()
  await turn()
  return { tasks: await list.opened, errors }
}

/** Lets the test run on Vercel, which ends the request after so many milliseconds. */
function putOnVercel(timeout: number): void {
  const context = Symbol.for('@vercel/request-context')
  const deadline = new Date(Date.now() + timeout).toISOString()
  Reflect.set(globalThis, context, { get: () => ({ deadline, waitUntil() {} }) })
  onTestFinished(() => void Reflect.deleteProperty(globalThis, context))
}

const addForEver = (tasks: BackgroundTasks): unknown => tasks.addTask(forEver)

describe('A deadline', () => {
  it('is counted from the end of the response on, and told a tenth before', async () => {
    const handle = withBackgroundTasks(
      (tasks) => {
        tasks.addTask({ name: 'resize', run: ({ signal }) => aborted.push(signal) && forEver() })
        return new Response('answered')
      },
      { deadline: 1000, onError: () => {}, unreadTimeout: Infinity },
    )
    const aborted: AbortSignal[] = []
    const response = handle()
    await turn()
    await vi.advanceTimersByTimeAsync(5000)
    await response.text()
    await turn()
    await vi.advanceTimersByTimeAsync(899)
    expect(aborted.map(({ aborted: is }) => is)).toEqual([false])
    await vi.advanceTimersByTimeAsync(1)
    expect(aborted.map(({ reason }) => reason)).toEqual([cut])
    await drain()
  })

  it('names what is skipped in the error of what has run, and lets cleanups run', async () => {
    const order: string[] = []
    const { tasks } = await answer(
      (list) => {
        list.addTask({ name: 'resize', run: forEver })
        list.addTask({ name: 'notify', run: () => expect.fail('It ran') })
        const nested = new BackgroundTasks()
        nested.addTask({ name: 'log', run: () => expect.fail('It ran') })
        nested.defer(() => order.push('nested cleanup'))
        list.addTask(nested)
        list.defer(() => order.push('cleanup'))
      },
      {
        deadline: 1000,
        onError: ({ task, cause, skipped }) => {
          expect(cause).toEqual(cut)
          order.push(`${task} failed, not run: ${skipped.join(', ')}`)
        },
      },
    )
    await vi.advanceTimersByTimeAsync(900)
    expect(await tasks.finished).toMatchObject([
      { name: 'resize', status: 'rejected', error: cut },
      { name: 'notify', status: 'skipped', error: cut },
      { name: 'log', status: 'skipped', error: cut },
    ])
    expect(order).toEqual(['resize failed, not run: notify, log', 'nested cleanup', 'cleanup'])
  })

  it('fails each task that runs, in lists in the list too, and names the others once', async () => {
    const { tasks, errors } = await answer(
      (list) => {
        list.addTask({ name: 'first', run: forEver })
        list.addTask(new BackgroundTasks([], { concurrency: 2 })).addTask(forEver)
        list.addTask({ name: 'last', run: () => expect.fail('It ran') })
      },
      { deadline: 1000, concurrency: 2, failure: 'continue' },
    )
    await vi.advanceTimersByTimeAsync(900)
    expect(errors.map(({ task, skipped }) => [task, skipped])).toEqual([
      ['first', ['last']],
      ['forEver', []],
    ])
    expect((await tasks.finished).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'skipped',
    ])
  })

  it('names what has only waited for a limit', async () => {
    const { tasks, errors } = await answer(
      (list) => {
        list.addTask({ name: 'first', run: () => expect.fail('It ran') })
        list.addTask({ name: 'second', run: () => expect.fail('It ran') })
      },
      { deadline: 1000, limit: forEver },
    )
    await vi.advanceTimersByTimeAsync(900)
    expect(errors.map(({ task, cause, skipped }) => [task, cause, skipped])).toEqual([
      ['first', cut, ['second']],
    ])
    expect((await tasks.finished).map(({ status }) => status)).toEqual(['skipped', 'skipped'])
  })

  it('leaves a cleanup that runs alone', async () => {
    const gate = newGate()
    const { tasks, errors } = await answer(
      (list) => {
        list.addTask(() => {})
        list.defer(() => gate.opened)
      },
      { deadline: 1000 },
    )
    await vi.advanceTimersByTimeAsync(1000)
    gate.open()
    expect((await tasks.finished).map(({ status }) => status)).toEqual(['fulfilled'])
    expect(errors).toEqual([])
  })

  it('is forgotten when the tasks have ended in time', async () => {
    const gate = newGate()
    const { tasks } = await answer((list) => list.addTask(() => gate.opened), { deadline: 1000 })
    expect(vi.getTimerCount()).toBe(1)
    gate.open()
    await tasks.finished
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each<[string, (list: BackgroundTasks) => unknown]>([
    ['no task', () => {}],
    ['tasks that take no time', (list) => list.addTask(() => {})],
  ])('sets no timer for %s', async (_, add) => {
    await answer(add, { deadline: 1000 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('counts for a handler below another one, which may know of none', async () => {
    const errors: BackgroundTaskError[] = []
    const inner = withBackgroundTasks(
      (tasks) => {
        addForEver(tasks)
        return new Response('answered')
      },
      { deadline: 1000, onError: (error) => errors.push(error) },
    )
    await provideBackgroundTasks(() => inner())().text()
    await turn()
    await vi.advanceTimersByTimeAsync(900)
    expect(errors).toMatchObject([{ task: 'forEver', cause: cut }])
    await drain()
  })
})

describe('The deadline that is found', () => {
  const lambda = { getRemainingTimeInMillis: () => 5000 }
  const request = new Request(url)
  const ofSrvx = Object.assign(new Request(url), { runtime: { awsLambda: { context: lambda } } })

  it.each<[string, unknown[]]>([
    ['srvx', [ofSrvx]],
    ['h3', [{ req: ofSrvx, runtime: ofSrvx.runtime }]],
    ['Hono', [{ req: { raw: request }, env: { lambdaContext: lambda } }]],
    ['Hono where it streams', [{ req: { raw: request }, env: { context: lambda } }]],
  ])('is that of AWS Lambda, which %s hands on', async (_, args) => {
    const { errors } = await answer(addForEver, {}, ...args)
    await vi.advanceTimersByTimeAsync(4499)
    expect(errors).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(errors).toMatchObject([{ cause: isCutBy('AWS Lambda') }])
  })

  it('is that of the request on Vercel', async () => {
    putOnVercel(30_000)
    const { errors } = await answer(addForEver, {}, request)
    await vi.advanceTimersByTimeAsync(28_999)
    expect(errors).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(errors).toMatchObject([{ cause: isCutBy('Vercel') }])
  })

  // An adapter for node:http may run there too.
  it('is that of Vercel where there is a Node response', async () => {
    putOnVercel(30_000)
    const outgoing = new NodeResponse()
    const { errors } = await answer(addForEver, {}, request, { outgoing })
    outgoing.finish()
    await turn()
    await vi.advanceTimersByTimeAsync(29_000)
    expect(errors).toMatchObject([{ cause: isCutBy('Vercel') }])
  })

  it('is another one if that is given', async () => {
    const { errors } = await answer(addForEver, { deadline: 1000 }, ofSrvx)
    await vi.advanceTimersByTimeAsync(900)
    expect(errors).toMatchObject([{ cause: cut }])
  })

  it.each<[string, HandlerOptions, unknown[]]>([
    ['with the option false', { deadline: false }, [ofSrvx]],
    ['where none is known', {}, [request]],
  ])('is none %s', async (_, options, args) => {
    const gate = newGate()
    const { tasks } = await answer((list) => list.addTask(() => gate.opened), options, ...args)
    expect(vi.getTimerCount()).toBe(0)
    gate.open()
    await tasks.finished
  })
})
