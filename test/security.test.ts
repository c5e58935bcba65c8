import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  BackgroundTask,
  BackgroundTaskError,
  BackgroundTasks,
  drain,
  withBackgroundTasks,
} from '../src/index.ts'
import { registry } from '../src/tasks/registry.ts'
import { type Exchange, send } from './support/client.ts'
import { takePrinted, watchReports } from './support/reports.ts'
import { serve } from './support/serve.ts'
import { turn } from './support/turn.ts'

watchReports()

const secret = 'correct horse battery staple'

function login(_password: string, _options: object): never {
  throw new TypeError('refused')
}

/** What says of itself that it is a Response. */
function tagged(parts: object): unknown {
  return { [Symbol.toStringTag]: 'Response', ...parts }
}

describe('A request cannot make memory grow without bound', () => {
  const kinds: [string, (exchange: Exchange) => unknown][] = [
    ['vanish', ({ socket }) => socket.destroy()],
    ['read on', ({ response }) => response],
  ]
  it.each(kinds)(
    'clients that do not read hold a list for each connection, until they %s',
    { timeout: 30_000 },
    async (_, leave) => {
      const connections = 20
      const ran: number[] = []
      // More than the buffers of the sockets take.
      const body = new Uint8Array(8 * 2 ** 20)
      const handler = withBackgroundTasks((tasks) => {
        tasks.addTask(() => void ran.push(ran.length))
        return new Response(body)
      })
      const { port } = await serve(handler)
      const exchanges = await Promise.all(
        Array.from({ length: connections }, async () => {
          const exchange = await send({ port })
          exchange.socket.pause()
          return exchange
        }),
      )
      await vi.waitUntil(() => registry.inFlight.items.length === connections, { timeout: 20_000 })
      expect(ran).toEqual([])

      for (const exchange of exchanges) {
        exchange.socket.resume()
        void leave(exchange)
      }
      await drain()
      expect(ran).toHaveLength(connections)
      for (const { socket } of exchanges) socket.destroy()
    },
  )

  it('tasks that outlive their requests are held until their timeout, and no longer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const timedOut = vi.fn<() => void>()
    const handler = withBackgroundTasks(
      (tasks) => {
        tasks.addTask(() => new Promise(() => {}))
        return new Response('answered')
      },
      { timeout: 60_000, onError: timedOut },
    )
    // One request at a time: what the host allows at once is no bound.
    for (let count = 0; count < 100; count += 1) {
      await vi.advanceTimersByTimeAsync(1000)
      await (await handler()).text()
      await turn()
    }
    expect(registry.inFlight.items.length).toBe(60)
    expect(timedOut).toHaveBeenCalledTimes(40)
    await vi.advanceTimersByTimeAsync(60_000)
    await turn()
    expect(registry.inFlight.items).toEqual([])
  })

  it('keeps nothing of the requests that have ended', async () => {
    const handler = withBackgroundTasks(async (tasks, request: Request) => {
      tasks.addTask(() => {})
      if (request.method === 'PUT') throw new Error('refused')
      return new Response('body', { status: request.method === 'POST' ? 201 : 200 })
    })
    for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
      const request = new Request('http://localhost/', { method })
      await handler(request).then(
        (response) => response.body?.cancel(),
        () => {},
      )
    }
    await drain()
    expect(registry.inFlight.items).toEqual([])
  })
})

describe('A definition that comes from outside is refused', () => {
  const hostile: [string, unknown][] = [
    ['JSON', JSON.parse('{"name":"rm","run":"process.exit()"}')],
    ['JSON with a prototype', JSON.parse('{"__proto__":{"run":"process.exit()"}}')],
    ['JSON with a constructor', JSON.parse('{"constructor":{"prototype":{"run":1}}}')],
    ['a list', JSON.parse('[{"run":{}}]')],
    ['an object without a prototype', Object.create(null)],
  ]
  it.each(hostile)('%s', (_, definition) => {
    const before = Reflect.ownKeys(Object.prototype)
    expect(() => new BackgroundTasks().addTask(definition as never)).toThrow(TypeError)
    expect(() => new BackgroundTask(definition as never)).toThrow(TypeError)
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
  })

  it('one whose function stands on the prototype of all objects', () => {
    Reflect.defineProperty(Object.prototype, 'run', { value: () => {}, configurable: true })
    try {
      expect(() => new BackgroundTasks().addTask({} as never)).toThrow(TypeError)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'run')
    }
  })

  it('a name is only a text', async () => {
    const tasks = new BackgroundTasks()
    tasks.addTask({ name: '__proto__', run: () => {} })
    await tasks.run()
    expect(await tasks.finished).toMatchObject([{ name: '__proto__', status: 'fulfilled' }])
  })
})

describe('What only looks like a Response is a TypeError, and runs nothing', () => {
  const headers = new Headers()
  const lookAlikes: [string, () => unknown][] = [
    ['a plain object', () => ({ status: 200, headers, body: null })],
    ['JSON', () => JSON.parse('{"status":200,"headers":{},"body":"text"}')],
    ['its prototype', () => Response.prototype],
    ['made of its prototype', () => Object.create(Response.prototype)],
    ['tagged, without anything', () => tagged({})],
    ['tagged, with a text for a body', () => tagged({ status: 200, headers, body: 'text' })],
    [
      'tagged, with a body that is read already',
      () => tagged({ status: 200, headers, body: { locked: true } }),
    ],
    [
      'tagged, with a body that gives no reader',
      () => tagged({ status: 200, headers, body: { getReader: 1 } }),
    ],
    ['a request', () => new Request('http://localhost/')],
  ]
  it.each(lookAlikes)('%s', async (_, make) => {
    const run = vi.fn<() => void>()
    const tasks = new BackgroundTasks([new BackgroundTask(run)])
    expect(() => tasks.wrap(make() as Response)).toThrow(TypeError)
    await turn()
    expect(run).not.toHaveBeenCalled()
    expect(await drain()).toEqual({ finished: 0, abandoned: [] })
  })
})

describe('No argument of a task is in a message or printed', () => {
  it('of a task that fails', async () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(login, secret, { secret })
    const error: unknown = await tasks.run().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BackgroundTaskError)
    expect(inspect([error, takePrinted()], { depth: 9, showHidden: true })).not.toContain(secret)
  })

  it('of a task that waits, runs, or has ended', async () => {
    const task = new BackgroundTask(async (_password: string) => inspectAll(), secret)
    const tasks = new BackgroundTasks([task])
    const seen: string[] = []
    function inspectAll(): void {
      const shown = inspect([task, tasks, registry], { depth: 9, showHidden: true })
      seen.push(shown, JSON.stringify([task, tasks]))
    }
    inspectAll()
    await tasks.run()
    inspectAll()
    expect(seen).toHaveLength(6)
    expect(seen.filter((text) => text.includes(secret))).toEqual([])
  })

  const misuses: [string, () => unknown][] = [
    ['in the place of the function', () => new BackgroundTasks().addTask(secret as never)],
    [
      'after a definition',
      () => Reflect.construct(BackgroundTask, [{ run: () => {} }, secret, { secret }]),
    ],
    ['in the place of the response', () => new BackgroundTasks().wrap(secret as never)],
    ['in the place of the handler', () => withBackgroundTasks(secret as never)],
    ['in the place of the list', () => new BackgroundTasks(secret as never)],
    ['as a cleanup', () => new BackgroundTasks().defer(secret as never)],
    ['as a timeout', () => new BackgroundTask({ run: () => {}, timeout: secret as never })],
    ['as an outcome', () => new BackgroundTask({ run: () => {}, when: [secret as never] })],
    ['as a concurrency', () => new BackgroundTasks([], { concurrency: secret as never })],
    ['as a failure', () => new BackgroundTasks([], { failure: secret as never })],
  ]
  it.each(misuses)('of a call that is wrong: %s', (_, misuse) => {
    expect(misuse).toThrow(expect.toSatisfy((error: Error) => !error.message.includes(secret)))
  })
})

describe('package.json', () => {
  it('runs nothing when the package is installed, and brings no dependency', async () => {
    const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
    const { scripts, dependencies, optionalDependencies, bundleDependencies, gypfile } =
      JSON.parse(text)
    // `prepare` is no hook of the package: npm runs it in a checkout, to build a git install.
    const hooks = ['preinstall', 'install', 'postinstall', 'prepublish']
    expect(Object.keys(scripts).filter((name) => hooks.includes(name))).toEqual([])
    expect([dependencies, optionalDependencies, bundleDependencies, gypfile]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})
