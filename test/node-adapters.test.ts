/** What a handler promises to an adapter that passes the response of Node. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  BackgroundTasks,
  drain,
  inFlight,
  type Outcome,
  withBackgroundTasks,
} from '../src/index.ts'
import { isCollected } from './support/garbage.ts'
import { newGate } from './support/gate.ts'
import { NodeResponse } from './support/node-response.ts'
import { watchReports } from './support/reports.ts'
import { turn } from './support/turn.ts'
import { newWitness } from './support/witness.ts'

watchReports()

const url = 'http://localhost/'

/** An adapter with one `waitUntil` for all its requests, and the promises that it was given. */
class Adapter {
  readonly held: Promise<unknown>[] = []
  readonly waitUntil = (promise: Promise<unknown>): void => void this.held.push(promise)

  /** What its `close()` waits for is over. */
  async isIdle(): Promise<boolean> {
    let isIdle = false
    void Promise.all(this.held).then(() => (isIdle = true))
    await turn()
    return isIdle
  }
}

type Args = readonly unknown[]

const adapters: [string, (adapter: Adapter, res: NodeResponse) => Args][] = [
  ['@whatwg-node/server', ({ waitUntil }, res) => [new Request(url), { res, waitUntil }]],
  [
    'srvx',
    ({ waitUntil }, res) => [
      Object.assign(new Request(url), { waitUntil, runtime: { node: { res } } }),
    ],
  ],
  [
    'Hono on @whatwg-node/server',
    ({ waitUntil }, res) => [{ req: { raw: new Request(url) }, env: { res, waitUntil } }],
  ],
  [
    'Hono on srvx',
    ({ waitUntil }, res) => {
      const raw = Object.assign(new Request(url), { waitUntil, runtime: { node: { res } } })
      return [{ req: { raw } }]
    },
  ],
]

describe.each(adapters)('The waitUntil of %s', (_, argsOf) => {
  it('is called when the first handler begins, before that is called', async () => {
    const adapter = new Adapter()
    const res = new NodeResponse()
    const seen: number[] = []
    const handle = withBackgroundTasks((_tasks, ..._args: unknown[]) => {
      seen.push(adapter.held.length)
      return new Response(null)
    })
    handle(...argsOf(adapter, res))
    expect(seen).toEqual([1])
    expect(await adapter.isIdle()).toBe(true)
    res.finish()
  })

  it('is called once for all requests of a busy period, and again in the next', async () => {
    const adapter = new Adapter()
    const gates = [newGate(), newGate(), newGate()]
    const responses = gates.map(() => new NodeResponse())
    const call = (index: number): Promise<Response> => {
      const handle = withBackgroundTasks(async (_tasks, ..._args: unknown[]) => {
        await gates[index]?.opened
        return new Response(null)
      })
      return handle(...argsOf(adapter, responses[index] ?? new NodeResponse()))
    }
    const answers = [call(0), call(1)]
    expect(adapter.held).toHaveLength(1)
    gates[0]?.open()
    await answers[0]
    const third = call(2)
    expect(await adapter.isIdle()).toBe(false)
    expect(adapter.held).toHaveLength(1)
    for (const gate of gates) gate.open()
    await Promise.all([...answers, third])
    expect(await adapter.isIdle()).toBe(true)

    await call(0)
    expect(adapter.held).toHaveLength(2)
    expect(await adapter.isIdle()).toBe(true)
    for (const res of responses) res.finish()
  })

  it('holds the adapter while a handler runs, its response is sent, and its tasks run', async () => {
    const adapter = new Adapter()
    const res = new NodeResponse()
    const [handler, task, cleanup] = [newGate(), newGate(), newGate()]
    const handle = withBackgroundTasks(async (tasks, ..._args: unknown[]) => {
      await handler.opened
      tasks.addTask(() => task.opened)
      tasks.defer(() => cleanup.opened)
      return new Response('body')
    })
    const answer = handle(...argsOf(adapter, res))
    const idle: boolean[] = []
    for (const end of [handler.open, () => res.finish(), task.open, cleanup.open]) {
      idle.push(await adapter.isIdle())
      end()
    }
    await answer
    idle.push(await adapter.isIdle())
    expect(idle).toEqual([false, false, false, false, true])
    expect(adapter.held).toHaveLength(1)
  })

  it('is not held by a response without tasks that is still being sent', async () => {
    const adapter = new Adapter()
    const res = new NodeResponse()
    withBackgroundTasks((_tasks, ..._args: unknown[]) => new Response('body'))(
      ...argsOf(adapter, res),
    )
    expect(await adapter.isIdle()).toBe(true)
    res.finish()
  })

  it.each<[string, (tasks: BackgroundTasks) => unknown]>([
    [
      'a handler that throws',
      () => {
        throw new Error('bug')
      },
    ],
    ['a handler that rejects', () => Promise.reject(new Error('bug'))],
    [
      'a task that fails',
      (tasks) => {
        tasks.addTask(() => Promise.reject(new Error('bug')))
        return new Response('body')
      },
    ],
  ])('is given a promise that never rejects: %s', async (_name, handler) => {
    const adapter = new Adapter()
    const res = new NodeResponse()
    const handle = withBackgroundTasks(async (tasks, ..._args: unknown[]) => await handler(tasks), {
      onError: () => {},
    })
    await handle(...argsOf(adapter, res)).catch(() => {})
    res.finish()
    await drain()
    expect(await adapter.isIdle()).toBe(true)
  })

  it('is called under provideBackgroundTasks too, once below each other', async () => {
    const adapter = new Adapter()
    const res = new NodeResponse()
    const task = newGate()
    const args = argsOf(adapter, res)
    const inner = withBackgroundTasks((tasks, ..._args: unknown[]) => {
      tasks.addTask(() => task.opened)
      return new Response('body')
    })
    const outer = provideBackgroundTasks((..._args: unknown[]) => inner(...args))
    outer(...args)
    res.finish()
    expect(adapter.held).toHaveLength(1)
    expect(await adapter.isIdle()).toBe(false)
    task.open()
    expect(await adapter.isIdle()).toBe(true)
  })

  it('is called for each adapter that serves meanwhile', async () => {
    const [first, second] = [new Adapter(), new Adapter()]
    const gate = newGate()
    const handle = withBackgroundTasks(async (_tasks, ..._args: unknown[]) => {
      await gate.opened
      return new Response(null)
    })
    const answers = [first, second].map((adapter) => handle(...argsOf(adapter, new NodeResponse())))
    expect([first.held.length, second.held.length]).toEqual([1, 1])
    expect([await first.isIdle(), await second.isIdle()]).toEqual([false, false])
    gate.open()
    await Promise.all(answers)
    expect([await first.isIdle(), await second.isIdle()]).toEqual([true, true])
  })
})

describe('The waitUntil of a Worker', () => {
  it('is called for each request, and holds that alone', async () => {
    const contexts = [new Adapter(), new Adapter()]
    const gates = [newGate(), newGate()]
    const handle = withBackgroundTasks(
      (tasks, _request: Request, index: number, _context: Adapter) => {
        tasks.addTask(() => gates[index]?.opened)
        return new Response(null)
      },
    )
    for (const [index, context] of contexts.entries()) {
      await handle(new Request(url), index, context)
    }
    expect(contexts.map(({ held }) => held.length)).toEqual([1, 1])
    gates[0]?.open()
    expect(await contexts[0]?.isIdle()).toBe(true)
    expect(await contexts[1]?.isIdle()).toBe(false)
    gates[1]?.open()
    await drain()
  })
})

/** A handler that has returned without a task, and its list. */
async function answerEmpty(
  isAsync = false,
): Promise<{ res: NodeResponse; tasks: BackgroundTasks; answer: Response; sent: Response }> {
  const res = new NodeResponse()
  const answer = new Response('body', { status: 201 })
  const lists: BackgroundTasks[] = []
  const handle = withBackgroundTasks((tasks, _request: Request, _context: object) => {
    lists.push(tasks)
    return isAsync ? Promise.resolve(answer) : answer
  })
  const sent = await handle(new Request(url), { res })
  const [tasks] = lists
  if (tasks === undefined) throw new Error('The handler was not called')
  return { res, tasks, answer, sent }
}

describe('A list that is empty when the handler returns', () => {
  it.each([['sync'], ['async']])('listens to nothing: %s', async (kind) => {
    const { res, answer, sent } = await answerEmpty(kind === 'async')
    expect(sent).toBe(answer)
    expect(res.heard).toBe(0)
    await turn()
    expect(res.heard).toBe(0)
    res.finish()
    await turn()
  })

  it('listens to nothing below a provider, nor does that', async () => {
    const res = new NodeResponse()
    const handle = provideBackgroundTasks((_request: Request, _context: object) => {
      backgroundTasks()
      return new Response('body')
    })
    handle(new Request(url), { res })
    expect(res.heard).toBe(0)
  })

  it('is not waited for by drain', async () => {
    const { res } = await answerEmpty()
    expect(await drain()).toEqual({ finished: 0, abandoned: [] })
    res.finish()
  })

  it.each<[string, (tasks: BackgroundTasks, called: () => void) => unknown]>([
    ['task', (tasks, called) => tasks.addTask(called)],
    ['list', (tasks, called) => tasks.addTask(new BackgroundTasks([new BackgroundTask(called)]))],
    ['cleanup', (tasks, called) => tasks.defer(called)],
  ])('listens from the first %s on, which runs when the response is over', async (_, add) => {
    const { res, tasks } = await answerEmpty()
    const called = vi.fn<() => void>()
    add(tasks, called)
    expect(res.heard).toBeGreaterThan(0)
    const before = res.heard
    add(tasks, called)
    expect(res.heard).toBe(before)
    await turn()
    expect(called).not.toHaveBeenCalled()
    res.finish()
    await drain()
    expect(called).toHaveBeenCalledTimes(2)
  })

  it('is waited for by drain from its first task on', async () => {
    const { res, tasks } = await answerEmpty()
    const task = tasks.addTask(() => {})
    expect(inFlight()).toEqual([task])
    const drained = vi.fn<() => void>()
    const draining = drain().then(drained)
    await turn()
    expect(drained).not.toHaveBeenCalled()
    res.finish()
    await draining
  })

  const broken = new Error('broken')
  it.each<[string, (res: NodeResponse) => void, Outcome]>([
    ['was sent', (res) => res.finish(), 'closed'],
    ['was cut', (res) => res.cut(), 'cancelled'],
    ['has failed', (res) => res.cut(broken), 'errored'],
  ])('runs at once what is added after a response that %s', async (_, end, outcome) => {
    const { res, tasks } = await answerEmpty()
    end(res)
    await turn()
    const witness = newWitness()
    tasks.addTask(witness.task)
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome, response: { status: 201 } }])
    const later = newWitness()
    tasks.addTask(later.task)
    await later.task.finished
    expect(later.outcomes()).toEqual([outcome])
  })

  it('calls a cleanup at once that is deferred after the response', async () => {
    const { res, tasks } = await answerEmpty()
    res.finish()
    await turn()
    const cleanup = vi.fn<() => void>()
    tasks.defer(cleanup)
    await tasks.finished
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it.each<[string, boolean]>([
    ['while the response is sent', false],
    ['after it', true],
  ])('has the async context of the call that adds the first task %s', async (_, isOver) => {
    const storage = new AsyncLocalStorage<string>()
    const { res, tasks } = await storage.run('of the request', () => answerEmpty())
    const seen: unknown[] = []
    if (isOver) res.finish()
    await turn()
    storage.run('of the call', () => tasks.addTask(() => seen.push(storage.getStore())))
    if (!isOver) storage.run('of the host', () => res.finish())
    await tasks.finished
    expect(seen).toEqual(['of the call'])
  })

  it('runs a task once whose list is added to twice in one turn', async () => {
    const { res, tasks } = await answerEmpty()
    const witness = newWitness()
    tasks.addTask(witness.task)
    tasks.addTask(witness.task)
    res.finish()
    await drain()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('A list with a task or a cleanup when the handler returns', () => {
  it.each<[string, (tasks: BackgroundTasks) => unknown]>([
    ['a task', (tasks) => tasks.addTask(() => {})],
    ['a cleanup', (tasks) => tasks.defer(() => {})],
  ])('listens from then on: %s', async (_, add) => {
    const res = new NodeResponse()
    const handle = withBackgroundTasks((tasks, _request: Request, _context: object) => {
      add(tasks)
      return new Response('body')
    })
    await handle(new Request(url), { res })
    expect(res.heard).toBeGreaterThan(0)
    res.finish()
    await drain()
  })
})

describe('A response of Node that stays in memory, as on an idle connection', () => {
  it.each<[string, (tasks: BackgroundTasks) => unknown]>([
    ['with tasks', (tasks) => tasks.addTask(() => {})],
    ['without any', () => {}],
    ['with a cleanup', (tasks) => tasks.defer(() => {})],
  ])('holds nothing of its request when all has ended: %s', async (_, add) => {
    const res = new NodeResponse()
    const references: WeakRef<object>[] = []
    const handle = withBackgroundTasks((tasks, request: Request, _context: object) => {
      add(tasks)
      const response = new Response('body')
      references.push(new WeakRef(tasks), new WeakRef(request), new WeakRef(response))
      return response
    })
    const answer = async (): Promise<void> => {
      await handle(new Request(url), { res })
    }
    await answer()
    res.finish()
    await drain()
    expect(references).toHaveLength(3)
    for (const reference of references) expect(await isCollected(reference)).toBe(true)
    expect(res.closed).toBe(true)
  })
})
