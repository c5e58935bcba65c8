/** A bundler may put two copies of the package into one process: Next.js does with its start-up file. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import * as context from '../src/context.ts'
import * as core from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { NodeResponse } from './support/node-response.ts'
import { takePrinted, watchReports } from './support/reports.ts'
import { turn } from './support/turn.ts'

watchReports()

type Copy = typeof core & typeof context

const url = 'http://localhost/'
let other: Copy = { ...core, ...context }

beforeAll(async () => {
  vi.resetModules()
  other = { ...(await import('../src/index.ts')), ...(await import('../src/context.ts')) }
  vi.resetModules()
})

const mine: Copy = { ...core, ...context }

/** Each of the two in the place of the first. */
const pairs: [string, () => [Copy, Copy]][] = [
  ['of the other copy', () => [mine, other]],
  ['the other way round', () => [other, mine]],
]

it('There are two copies', () => {
  expect(other.BackgroundTask).not.toBe(core.BackgroundTask)
  expect(other.BackgroundTasks).not.toBe(core.BackgroundTasks)
  expect(other.drain).not.toBe(core.drain)
})

describe.each(pairs)('A list takes %s', (_, choose) => {
  it('a task, and a list with its cleanups', async () => {
    const [first, second] = choose()
    const calls: string[] = []
    const nested = new second.BackgroundTasks()
    nested.addTask(() => calls.push('nested'))
    nested.defer(() => calls.push('cleanup'))
    const task = new second.BackgroundTask(() => calls.push('task'))
    const tasks = new first.BackgroundTasks([task, nested])
    tasks.addTask(() => calls.push('own'))
    expect(tasks.addTask(task)).toBe(task)
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toMatchObject([
      { status: 'fulfilled', outcome: 'closed' },
      { status: 'fulfilled', outcome: 'closed' },
      { status: 'fulfilled', outcome: 'closed' },
    ])
    expect(calls).toEqual(['task', 'nested', 'cleanup', 'own'])
  })

  it('a task that fails, and names what is skipped for it', async () => {
    const [first, second] = choose()
    const errors: core.BackgroundTaskError[] = []
    const failing = new second.BackgroundTask(function failing() {
      throw new Error('bug')
    })
    const tasks = new first.BackgroundTasks([failing], { onError: (error) => errors.push(error) })
    tasks.addTask(new second.BackgroundTask(function next() {}))
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    expect(errors).toMatchObject([{ task: 'failing', skipped: ['next'] }])
  })

  it('its when and its limit for what has none', async () => {
    const [first, second] = choose()
    const calls: string[] = []
    const nested = new second.BackgroundTasks()
    nested.addTask(() => calls.push('task'))
    const tasks = new first.BackgroundTasks([nested], {
      when: ({ response }) => calls.push(`when ${response?.status}`) > 0,
      limit: (run) => {
        calls.push('limit')
        return run()
      },
    })
    await tasks.wrap(new Response('body', { status: 201 })).text()
    await tasks.finished
    expect(calls).toEqual(['when 201', 'limit', 'task'])
  })

  it('but no list that contains it', () => {
    const [first, second] = choose()
    const [outer, inner] = [new first.BackgroundTasks(), new second.BackgroundTasks()]
    outer.addTask(inner)
    expect(misuse(() => inner.addTask(outer))).toMatch(/^Cannot add the list: it contains/)
  })
})

describe.each(pairs)('Two wraps of one response, the outer one %s', (_, choose) => {
  it('share its end: the list of the inner one runs first, to its end', async () => {
    const [first, second] = choose()
    const calls: string[] = []
    const gate = newGate()
    const inner = new first.BackgroundTasks()
    inner.addTask(async () => {
      calls.push('inner starts')
      await gate.opened
      calls.push('inner ends')
    })
    const outer = new second.BackgroundTask(() => calls.push('outer'))
    const response = outer.wrap(inner.wrap(new Response('body')))
    expect(await response.text()).toBe('body')
    await turn()
    expect(calls).toEqual(['inner starts'])
    gate.open()
    await outer.finished
    expect(calls).toEqual(['inner starts', 'inner ends', 'outer'])
  })

  it('listen once to a response of Node', async () => {
    const [first, second] = choose()
    const calls: string[] = []
    const res = new NodeResponse()
    const inner = first.withBackgroundTasks((tasks, _request: Request, _context: object) => {
      tasks.addTask(() => calls.push('inner'))
      return new Response('body')
    })
    const outer = second.withBackgroundTasks((tasks, request: Request, given: object) => {
      tasks.addTask(() => calls.push('outer'))
      return inner(request, given)
    })
    outer(new Request(url), { res })
    expect([res.listenerCount('finish'), res.listenerCount('close')]).toEqual([1, 1])
    res.finish()
    await core.drain()
    expect(calls).toEqual(['inner', 'outer'])
  })
})

describe.each(pairs)('The process, asked by one and used %s', (_, choose) => {
  it('is drained of what both have accepted', async () => {
    const [first, second] = choose()
    const gate = newGate()
    void new second.BackgroundTask(() => gate.opened).run()
    void new first.BackgroundTask(() => gate.opened).run()
    second.waitUntil(gate.opened)
    const draining = first.drain()
    await turn()
    gate.open()
    expect(await draining).toEqual({ finished: 3, abandoned: [] })
  })

  it('shows what both have in flight', async () => {
    const [first, second] = choose()
    const gate = newGate()
    const tasks = [
      new second.BackgroundTask(() => gate.opened),
      new first.BackgroundTask(() => gate.opened),
    ]
    for (const task of tasks) void task.run()
    expect(new Set(first.inFlight())).toEqual(new Set(tasks))
    gate.open()
    await first.drain()
  })

  it('gives up on the tasks of both', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const [first, second] = choose()
    const task = new second.BackgroundTask(() => new Promise(() => {}))
    void new second.BackgroundTasks([task], { onError: () => {} }).run().catch(() => {})
    const draining = first.drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    expect((await draining).abandoned).toEqual([task])
    await turn()
    takePrinted()
  })

  it('has its instruments around the tasks of both, with func and args', async () => {
    const [first, second] = choose()
    const seen: unknown[] = []
    onTestFinished(
      first.instrument(async ({ name, args }, run) => {
        seen.push(name, args)
        await run()
      }),
    )
    await new second.BackgroundTask(function send(_email: string) {}, 'ada@example.com').run()
    expect(seen).toEqual(['send', ['ada@example.com']])
  })
})

describe.each(pairs)('The list of a request, asked for below a handler %s', (_, choose) => {
  it('is one', async () => {
    const [first, second] = choose()
    const calls: string[] = []
    const handle = second.provideBackgroundTasks(() => {
      first.backgroundTasks().addTask(() => calls.push('task'))
      expect(first.backgroundTasks()).toBe(second.backgroundTasks())
      return new Response('body')
    })
    await handle().text()
    await core.drain()
    expect(calls).toEqual(['task'])
  })

  it('is joined by a wrap, a handler and a provider, each with its own context', async () => {
    const [first, second] = choose()
    const storage = new AsyncLocalStorage<string>()
    const calls: unknown[] = []
    const note = (name: string): core.BackgroundTask =>
      new first.BackgroundTask(() => calls.push([name, storage.getStore()]))
    const handler = first.withBackgroundTasks((tasks) => {
      tasks.addTask(note('handler'))
      return new Response('inner')
    })
    const provided = first.provideBackgroundTasks(() => {
      first.backgroundTasks().addTask(note('provided'))
      return new Response('inner')
    })
    const outer = second.provideBackgroundTasks(() => {
      storage.run('of the wrap', () => note('wrap').wrap(new Response(null)))
      storage.run('of the handler', () => handler())
      provided()
      return new Response('body')
    })
    const response = outer()
    await turn()
    expect(calls).toEqual([])
    await response.text()
    await core.drain()
    expect(calls).toEqual([
      ['wrap', 'of the wrap'],
      ['handler', 'of the handler'],
      ['provided', undefined],
    ])
  })
})
