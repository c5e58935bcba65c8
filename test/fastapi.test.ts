/**
 * FastAPI's own tests of its background tasks, and of what lives as long as the response, each
 * under its original name. A test client there is a real server and a real socket here.
 *
 * Restated, because FastAPI's parts have other names here:
 * - `Depends` is a function that calls `backgroundTasks()`, below `provideBackgroundTasks`.
 * - What a dependency does after its `yield` is a `defer`red cleanup (`scope="request"`), or a
 *   `finally` around the handler (`scope="function"`).
 * - Telemetry is an `instrument`; the span of a request is a value in an `AsyncLocalStorage`.
 * - The parameters asyncio and trio are the two ways to get the list: as an argument and by
 *   `backgroundTasks()`.
 * - `HTTPException` is an error class of the application.
 * - A subclass of `BackgroundTask` that overrides `__call__` is an object with a `run` of its own:
 *   here a list calls the function of a task, and no `run()` that a subclass overrides.
 *
 * Not ported:
 * - `test_dependency_yield_scope_websockets.py`: a WebSocket has no `Response` whose end could be
 *   waited for. The answer to its upgrade has no body, so cleanups run when the socket opens; what
 *   is to live as long as the socket belongs to its `close` event.
 * - `test_broken_scope`, and the `test_*_dep_scope_function` tests in which a cleanup turns into a
 *   503: `finally` is plain JavaScript, so its error is the handler's.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { openAsBlob } from 'node:fs'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  type BackgroundTaskError,
  BackgroundTasks,
  drain,
  type HandlerOptions,
  instrument,
  withBackgroundTasks,
} from '../src/index.ts'
import { bodyOf, readerOf, readUntil } from './support/body.ts'
import { send } from './support/client.ts'
import { newGate } from './support/gate.ts'
import { serve } from './support/serve.ts'

/** A folder until the end of the test. */
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** An instrument until the end of the test. */
function instrumentTest(...args: Parameters<typeof instrument>): () => void {
  const undo = instrument(...args)
  onTestFinished(undo)
  return undo
}

type HostArguments = [request: Request, context: unknown]
type Handler = (tasks: BackgroundTasks, ...args: HostArguments) => Response | Promise<Response>
type Way = 'withBackgroundTasks' | 'provideBackgroundTasks'

/** The two ways to the list of a request: as an argument, and from anywhere below the handler. */
const ways: Record<
  Way,
  (
    handler: Handler,
    options?: HandlerOptions,
  ) => (...args: HostArguments) => Response | Promise<Response>
> = {
  withBackgroundTasks,
  provideBackgroundTasks: (handler, options) =>
    provideBackgroundTasks(
      (...args: HostArguments) => handler(backgroundTasks(), ...args),
      options,
    ),
}
const wayNames: readonly Way[] = ['withBackgroundTasks', 'provideBackgroundTasks']
const kinds = ['sync', 'async'] as const
const waysAndKinds = wayNames.flatMap((way) => kinds.map((kind) => [way, kind] as const))

/** The same function, sync or async. */
function ofKind<Args extends unknown[]>(
  kind: (typeof kinds)[number],
  fn: (...args: Args) => unknown,
): (...args: Args) => unknown {
  return kind === 'sync' ? fn : async (...args) => fn(...args)
}

/** The email in the path of `/send-notification/:email`. */
function emailOf(request: Request): string {
  return decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '')
}

describe('tests/test_tutorial/test_background_tasks', () => {
  it('test_tutorial001.py::test: answers, then writes the notification', async () => {
    const log = join(await newFolder(), 'log.txt')
    async function writeNotification(email: string, { message = '' } = {}): Promise<void> {
      await writeFile(log, `notification for ${email}: ${message}`)
    }
    const { url } = await serve(
      withBackgroundTasks((tasks, request: Request) => {
        tasks.addTask(writeNotification, emailOf(request), { message: 'some notification' })
        return Response.json({ message: 'Notification sent in the background' })
      }),
    )

    const response = await fetch(`${url}send-notification/foo@example.com`, { method: 'POST' })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ message: 'Notification sent in the background' })
    await drain()
    expect(await readFile(log, 'utf8')).toContain(
      'notification for foo@example.com: some notification',
    )
  })

  it.each(wayNames)(
    'test_tutorial002.py::test: the task of the dependency, then that of the handler, with %s',
    async (way) => {
      const log = join(await newFolder(), 'log.txt')
      const writeLog = (message: string): Promise<void> => appendFile(log, message)
      function getQuery(request: Request, tasks = backgroundTasks()): void {
        const q = new URL(request.url).searchParams.get('q')
        if (q !== null) tasks.addTask(writeLog, `found query: ${q}\n`)
      }
      const { url } = await serve(
        ways[way]((tasks, request) => {
          if (way === 'withBackgroundTasks') getQuery(request, tasks)
          else getQuery(request)
          tasks.addTask(writeLog, `message to ${emailOf(request)}\n`)
          return Response.json({ message: 'Message sent' })
        }),
      )

      const path = 'send-notification/foo@example.com?q=some-query'
      const response = await fetch(`${url}${path}`, { method: 'POST' })
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ message: 'Message sent' })
      await drain()
      expect(await readFile(log, 'utf8')).toContain(
        'found query: some-query\nmessage to foo@example.com',
      )
    },
  )
})

describe('tests/test_dependency_contextmanager.py', () => {
  it.each([
    ['test_background_tasks', 'async'],
    ['test_sync_background_tasks', 'sync'],
  ] as const)('%s: body, headers, task, then the dependencies, last first', async (_, kind) => {
    const state = { contextA: 'not started a', contextB: 'not started b', bg: 'not set' }
    const order: string[] = []
    function contextA(): string {
      state.contextA = 'started a'
      backgroundTasks().defer(() => {
        order.push('a')
        state.contextA = 'finished a'
      })
      return state.contextA
    }
    function contextB(): string {
      const a = contextA()
      state.contextB = 'started b'
      backgroundTasks().defer(async () => {
        await nextTurn()
        order.push('b')
        state.contextB = `finished b with a: ${a}`
      })
      return state.contextB
    }
    const setBackground = ofKind(kind, (b: string, a: string) => {
      order.push('task')
      state.bg = `bg set - b: ${b} - a: ${a}`
    })
    const { url } = await serve(
      provideBackgroundTasks(async () => {
        // The middleware, around the handler.
        const response = await (async () => {
          const b = contextB()
          backgroundTasks().addTask(setBackground, b, state.contextA)
          return Response.json(state)
        })()
        response.headers.set('x-state', JSON.stringify(state))
        return response
      }),
    )

    const response = await fetch(url)
    const before = { contextA: 'started a', contextB: 'started b', bg: 'not set' }
    expect(await response.json()).toEqual(before)
    expect(JSON.parse(response.headers.get('x-state') ?? '')).toEqual(before)
    await drain()
    expect(state).toEqual({
      contextA: 'finished a',
      contextB: 'finished b with a: started a',
      bg: 'bg set - b: started b - a: started a',
    })
    expect(order).toEqual(['task', 'b', 'a'])
  })
})

describe('tests/test_response_dependency.py', () => {
  it('test_background_tasks_with_depends_annotated: a dependency returns the list', async () => {
    const results: string[] = []
    const backgroundTask = (message: string): void => void results.push(message)
    function addBackgroundTask(): BackgroundTasks {
      backgroundTasks().addTask(backgroundTask, 'from dependency')
      return backgroundTasks()
    }
    const { url } = await serve(
      provideBackgroundTasks(() => {
        addBackgroundTask().addTask(backgroundTask, 'from endpoint')
        return Response.json({ status: 'ok' })
      }),
    )

    expect((await fetch(url)).status).toBe(200)
    await drain()
    expect(results).toEqual(['from dependency', 'from endpoint'])
  })
})

describe('tests/test_frontend.py', () => {
  it('test_frontend_dependency_response_headers_and_background_tasks: on a static file', async () => {
    const calls: string[] = []
    const index = join(await newFolder(), 'index.html')
    await writeFile(index, 'app')
    function frontendDependency(headers: Headers): void {
      headers.set('x-frontend-dependency', 'applied')
      headers.append('set-cookie', 'frontend=dependency')
      backgroundTasks().addTask((call: string) => void calls.push(call), 'background')
    }
    const { url } = await serve(
      provideBackgroundTasks(async () => {
        const response = new Response(await openAsBlob(index, { type: 'text/html' }))
        frontendDependency(response.headers)
        return response
      }),
    )

    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('app')
    expect(response.headers.get('x-frontend-dependency')).toBe('applied')
    expect(response.headers.getSetCookie()).toEqual(['frontend=dependency'])
    await drain()
    expect(calls).toEqual(['background'])
  })
})

describe('tests/test_telemetry/test_background.py', () => {
  interface Span {
    name: string
    parent: string | undefined
    status: 'unset' | 'error'
  }

  const requestSpan = new AsyncLocalStorage<string>()
  const taskSpan = new AsyncLocalStorage<Span>()

  /** What a tracing library does: a span a task, below that of its request. */
  function trace(isSampled: (task: BackgroundTask) => boolean = () => true): Span[] {
    const spans: Span[] = []
    instrumentTest(async (task, run) => {
      if (!isSampled(task)) return run()
      const span: Span = { name: task.name, parent: requestSpan.getStore(), status: 'unset' }
      spans.push(span)
      await taskSpan.run(span, run).catch((error: unknown) => {
        span.status = 'error'
        throw error
      })
    })
    return spans
  }

  it.each(waysAndKinds)(
    'test_background_task_spans: one for each, after its request, with %s and %s tasks',
    async (way, kind) => {
      const events: string[] = []
      const executed: [number, { value: string }, string | undefined, string | undefined][] = []
      const printed: string[] = []
      instrumentTest((task, run) => {
        printed.push(inspect(task, { depth: Infinity, showHidden: true }))
        events.push('task span')
        return run()
      })
      const spans = trace()
      const execute = ofKind(kind, function execute(number: number, options: { value: string }) {
        executed.push([number, options, taskSpan.getStore()?.name, requestSpan.getStore()])
      })
      const task = Object.defineProperty(execute, 'name', { value: 'execute' })
      function dependency(tasks: BackgroundTasks): void {
        tasks.addTask(task, 1, { value: 'private dependency value' })
      }
      const handler = ways[way]((tasks, request) => {
        dependency(tasks)
        tasks.addTask(task, 2, { value: 'private endpoint value' })
        return Response.json({ url: request.url })
      })
      const { url } = await serve((request, context) => {
        context.res.once('close', () => events.push('request span'))
        return requestSpan.run(new URL(request.url).pathname, () => handler(request, context))
      })

      expect(await (await fetch(`${url}items/42`)).json()).toEqual({ url: `${url}items/42` })
      await drain()
      expect(executed).toEqual([
        [1, { value: 'private dependency value' }, 'execute', '/items/42'],
        [2, { value: 'private endpoint value' }, 'execute', '/items/42'],
      ])
      expect(spans).toEqual([
        { name: 'execute', parent: '/items/42', status: 'unset' },
        { name: 'execute', parent: '/items/42', status: 'unset' },
      ])
      expect(events).toEqual(['request span', 'task span', 'task span'])
      expect(printed.join()).not.toContain('private')
      expect(requestSpan.getStore()).toBeUndefined()
      expect(taskSpan.getStore()).toBeUndefined()
    },
  )

  it('test_background_task_objects: bound functions, definitions and objects with a run of their own', async () => {
    const spans = trace()
    const executed: [string, string | undefined][] = []
    const record = (value: string): void => {
      executed.push([value, taskSpan.getStore()?.name])
    }
    class Recorded {
      readonly name = 'custom'
      async run(): Promise<void> {
        record('before')
        await this.work()
        record('after')
      }
      async work(): Promise<void> {
        record('custom')
      }
    }
    const original = new BackgroundTask(new Recorded())
    const tasks = new BackgroundTasks([original])
    tasks.addTask(record.bind(null, 'bound'))
    tasks.addTask({ name: 'object', run: async () => record('object') })
    const { url } = await serve(() => tasks.wrap(Response.json('ok')))

    expect(await (await fetch(url)).json()).toBe('ok')
    await tasks.finished
    expect(tasks.tasks[0]).toBe(original)
    expect(executed).toEqual([
      ['before', 'custom'],
      ['custom', 'custom'],
      ['after', 'custom'],
      ['bound', 'bound record'],
      ['object', 'object'],
    ])
    expect(spans).toHaveLength(3)
  })

  class HttpError extends Error {
    readonly status = 503
  }

  it.each(
    kinds.flatMap((kind) => [
      [kind, new TypeError('background failure')] as const,
      [kind, new HttpError('unavailable', { cause: 'the database' })] as const,
    ]),
  )(
    'test_background_task_failure: told once, the request is fine, with a task that is %s and throws a %s',
    async (kind, error) => {
      const spans = trace()
      const executed: string[] = []
      const onError = vi.fn<(failure: BackgroundTaskError) => void>()
      const fail = ofKind(kind, () => {
        executed.push('first')
        throw error
      })
      let tasks: BackgroundTasks | undefined
      const { url } = await serve(
        withBackgroundTasks(
          (list) => {
            tasks = list
            list.addTask(fail)
            list.addTask((value: string) => void executed.push(value), 'second')
            return Response.json('ok')
          },
          { onError },
        ),
      )

      expect((await fetch(url)).status).toBe(200)
      await drain()
      expect(executed).toEqual(['first'])
      expect(spans).toMatchObject([{ status: 'error' }])
      expect(onError).toHaveBeenCalledOnce()
      expect(onError.mock.lastCall?.[0].cause).toBe(error)
      // The response of the request ended well, whatever became of its tasks.
      expect(await tasks?.finished).toMatchObject([
        { status: 'rejected', outcome: 'closed', error },
        { status: 'skipped', outcome: 'closed' },
      ])
    },
  )

  it.each(['operations_disabled', 'tracing_disabled', 'excluded', 'unsampled'])(
    'test_background_task_settings: tasks run with %s instruments',
    async (mode) => {
      const executed: string[] = []
      if (mode === 'operations_disabled') instrumentTest((_, run) => run())()
      const spans = mode === 'excluded' ? trace((task) => task.name !== 'done') : trace(() => false)
      if (mode === 'unsampled') instrumentTest(async (_, run) => void (await run()))
      const { url } = await serve(
        withBackgroundTasks((tasks) => {
          tasks.addTask(function done() {
            executed.push('done')
          })
          return Response.json('ok')
        }),
      )

      expect(await (await fetch(url)).json()).toBe('ok')
      await drain()
      expect(executed).toEqual(['done'])
      expect(spans).toEqual([])
    },
  )

  it('test_background_tasks_outside_request: run() needs none', async () => {
    const executed: string[] = []
    const tasks = new BackgroundTasks()
    tasks.addTask((value: string) => void executed.push(value), 'done')
    await tasks.run()
    expect(executed).toEqual(['done'])
    expect(requestSpan.getStore()).toBeUndefined()
  })

  it.each(['contrib', 'logfire', 'native_logfire'])(
    'test_background_task_integrations: each task instrumented once by %s',
    async (integration) => {
      const seen: string[] = []
      const instrumentation = async (task: BackgroundTask, run: () => Promise<void>) => {
        seen.push(task.name)
        await run()
      }
      instrumentTest(instrumentation)
      // One library that is set up twice; two that know nothing of each other; one alone.
      if (integration === 'logfire') instrumentTest(instrumentation)
      const spans = integration === 'contrib' ? trace() : undefined
      const executed: string[] = []
      const shared = new BackgroundTasks()
      shared.addTask(async function asyncTask() {
        executed.push('async')
      })
      const { url } = await serve(
        provideBackgroundTasks(() => {
          backgroundTasks().addTask(function syncTask() {
            executed.push('sync')
          })
          backgroundTasks().addTask(shared)
          return shared.wrap(Response.json('ok'))
        }),
      )

      expect(await (await fetch(url)).json()).toBe('ok')
      await drain()
      expect(executed).toEqual(['sync', 'async'])
      expect(seen).toEqual(['syncTask', 'asyncTask'])
      if (spans) expect(spans.map(({ name }) => name)).toEqual(seen)
    },
  )
})

describe('tests/test_stream_cancellation.py', () => {
  it.each([
    ['test_raw_stream_cancellation', (item: number) => `item ${item}\n`],
    ['test_jsonl_stream_cancellation', (item: number) => `${JSON.stringify(item)}\n`],
  ])('%s: a source that never waits stops with its client', async (_, format) => {
    const stopped = newGate()
    async function* endless(): AsyncGenerator<string> {
      try {
        for (let item = 0; ; item += 1) yield format(item)
      } finally {
        stopped.open()
      }
    }
    const task = new BackgroundTask(() => {})
    const { url } = await serve(() => task.wrap(new Response(bodyOf(endless()))))

    const reader = readerOf(await fetch(url))
    await reader.read()
    await reader.cancel()
    await stopped.opened
    expect(await task.finished).toMatchObject({ status: 'fulfilled', outcome: 'cancelled' })
  })
})

/** A resource that lives as long as it is needed. */
class Session {
  isOpen = true
  readonly #data = ['foo', 'bar', 'baz']

  close(): void {
    this.isOpen = false
  }

  *[Symbol.iterator](): Generator<string> {
    for (const item of this.#data) {
      if (!this.isOpen) throw new TypeError('Session closed')
      yield item
    }
  }
}

/** The dependency with `yield`: closed after the response and its tasks. */
function requestSession(): Session {
  const session = new Session()
  backgroundTasks().defer(() => session.close())
  return session
}

describe('tests/test_dependency_after_yield_streaming.py', () => {
  it('test_stream_session: the session is open while its rows are sent, closed after', async () => {
    const received = newGate()
    let session: Session | undefined
    const { url } = await serve(
      provideBackgroundTasks(() => {
        const rows = (session = requestSession())
        async function* body(): AsyncGenerator<string> {
          for (const row of rows) {
            yield row
            await received.opened
          }
        }
        return new Response(bodyOf(body()))
      }),
    )

    const reader = readerOf(await fetch(url))
    await readUntil(reader, 'foo')
    expect(session?.isOpen).toBe(true)
    received.open()
    expect(await readUntil(reader, 'barbaz')).toBe('barbaz')
    await reader.read()
    await drain()
    expect(session?.isOpen).toBe(false)
  })

  it.each(wayNames)(
    'test_broken_session_stream_no_raise: the 200 is out, a task sees the end, with %s',
    async (way) => {
      const received = newGate()
      const session = new Session()
      const outcomes: unknown[] = []
      async function* body(): AsyncGenerator<string> {
        for (const row of session) {
          yield row
          await received.opened
          session.close()
        }
      }
      const { port } = await serve(
        ways[way]((tasks) => {
          tasks.addTask({ run: ({ outcome }) => void outcomes.push(outcome) })
          tasks.defer(() => void outcomes.push('cleanup'))
          return new Response(bodyOf(body()))
        }),
      )

      const { response, received: receive } = await send({ port })
      await receive(1)
      received.open()
      expect(await response).toMatchObject({ status: 200, complete: false })
      await drain()
      expect(outcomes).toEqual(['errored', 'cleanup'])
    },
  )

  it('test_broken_session_stream_raise: the reader gets the error of the session', async () => {
    const tasks = new BackgroundTasks()
    const reasons: unknown[] = []
    tasks.addTask({ run: ({ outcome, reason }) => void reasons.push(outcome, reason) })
    const session = new Session()
    session.close()
    const reading = tasks.wrap(new Response(bodyOf(session))).text()
    await expect(reading).rejects.toThrow('Session closed')
    await tasks.finished
    expect(reasons).toEqual(['errored', await reading.catch((error: unknown) => error)])
  })
})

describe('tests/test_dependency_after_yield_raise.py', () => {
  it.each([
    ['test_broken_no_raise', 'sync'],
    ['test_broken_return_finishes', 'async'],
  ] as const)('%s: an answer stays whole when a cleanup fails after it', async (_, kind) => {
    const failure = new TypeError('Broken after yield')
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const brokenDependency = (): void =>
      backgroundTasks().defer(
        ofKind(kind, () => {
          throw failure
        }),
      )
    const { url } = await serve(
      provideBackgroundTasks(
        () => {
          brokenDependency()
          return Response.json({ message: 'all good?' })
        },
        { onError },
      ),
    )

    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ message: 'all good?' })
    await drain()
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.lastCall?.[0].cause).toBe(failure)
  })

  it('test_catching: an error of the handler is answered by the dependency around it', async () => {
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const { url } = await serve(
      provideBackgroundTasks(
        () => {
          try {
            throw new TypeError('Simulated error during streaming')
          } catch {
            return Response.json({ detail: 'Session error' }, { status: 418 })
          }
        },
        { onError },
      ),
    )

    const response = await fetch(url)
    expect(response.status).toBe(418)
    expect(await response.json()).toEqual({ detail: 'Session error' })
    await drain()
    expect(onError).not.toHaveBeenCalled()
  })
})

/** `scope="function"`: closed when the handler has returned, before anything is sent. */
function withinFunction(handler: (session: Session) => Response): Response {
  const session = new Session()
  try {
    return handler(session)
  } finally {
    session.close()
  }
}

/** A body that is made when it is read. */
function stream(values: () => Record<string, boolean>): Response {
  function* body(): Generator<string> {
    yield JSON.stringify(values())
  }
  return new Response(bodyOf(body()))
}

/** What the handler's stream saw, and then its task, and what is left of the sessions. */
async function sessionsOf(
  handler: () => { response: Response; sessions: readonly Session[] },
): Promise<{ seen: unknown; inTask: boolean[]; after: boolean[] }> {
  let inTask: boolean[] = []
  let sessions: readonly Session[] = []
  const openOnes = (): boolean[] => sessions.map(({ isOpen }) => isOpen)
  const { url } = await serve(
    provideBackgroundTasks(() => {
      const answer = handler()
      sessions = answer.sessions
      backgroundTasks().addTask(() => void (inTask = openOnes()))
      return answer.response
    }),
  )
  const response = await fetch(url)
  expect(response.status).toBe(200)
  const seen = await response.json()
  await drain()
  return { seen, inTask, after: openOnes() }
}

describe('tests/test_dependency_yield_scope.py', () => {
  it('test_function_scope: closed before the body is made', async () => {
    const result = await sessionsOf(() => {
      let sessions: Session[] = []
      const response = withinFunction((session) => {
        sessions = [session]
        return stream(() => ({ isOpen: session.isOpen }))
      })
      return { response, sessions }
    })
    expect(result).toEqual({ seen: { isOpen: false }, inTask: [false], after: [false] })
  })

  it('test_request_scope: open for the body and the tasks, closed after', async () => {
    const result = await sessionsOf(() => {
      const session = requestSession()
      return { response: stream(() => ({ isOpen: session.isOpen })), sessions: [session] }
    })
    expect(result).toEqual({ seen: { isOpen: true }, inTask: [true], after: [false] })
  })

  it('test_two_scopes: each in its own time', async () => {
    const result = await sessionsOf(() => {
      const forRequest = requestSession()
      let sessions: Session[] = []
      const response = withinFunction((forFunction) => {
        sessions = [forFunction, forRequest]
        return stream(() => ({ function: forFunction.isOpen, request: forRequest.isOpen }))
      })
      return { response, sessions }
    })
    expect(result).toEqual({
      seen: { function: false, request: true },
      inTask: [false, true],
      after: [false, false],
    })
  })

  it('test_sub: a dependency of a dependency closes after it', async () => {
    const closed: string[] = []
    const result = await sessionsOf(() => {
      const session = requestSession()
      backgroundTasks().defer(() => void closed.push(`inner open: ${session.isOpen}`))
      const named = requestSession()
      backgroundTasks().defer(() => void closed.push(`outer open: ${named.isOpen}`))
      return {
        response: stream(() => ({ named: named.isOpen, session: session.isOpen })),
        sessions: [named, session],
      }
    })
    expect(result).toEqual({
      seen: { named: true, session: true },
      inTask: [true, true],
      after: [false, false],
    })
    expect(closed).toEqual(['outer open: true', 'inner open: true'])
  })

  it('test_named_function_scope: both closed before the body is made', async () => {
    const result = await sessionsOf(() => {
      let sessions: Session[] = []
      const response = withinFunction((session) =>
        withinFunction((named) => {
          sessions = [named, session]
          return stream(() => ({ named: named.isOpen, session: session.isOpen }))
        }),
      )
      return { response, sessions }
    })
    expect(result).toEqual({
      seen: { named: false, session: false },
      inTask: [false, false],
      after: [false, false],
    })
  })

  it('test_regular_function_scope: what has no cleanup stays open', async () => {
    const result = await sessionsOf(() => {
      const named = new Session()
      let sessions: Session[] = []
      const response = withinFunction((session) => {
        sessions = [named, session]
        return stream(() => ({ named: named.isOpen, session: session.isOpen }))
      })
      return { response, sessions }
    })
    expect(result).toEqual({
      seen: { named: true, session: false },
      inTask: [true, false],
      after: [true, false],
    })
  })

  it('test_router_level_dep_scope_request, test_app_level_dep_scope_request: an error after yield is too late', async () => {
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const failure = new Error('Exception after yield')
    const { url } = await serve(
      provideBackgroundTasks(
        () => {
          backgroundTasks().defer(() => {
            throw failure
          })
          return Response.json({ status: 'ok' })
        },
        { onError },
      ),
    )

    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ status: 'ok' })
    await drain()
    expect(onError.mock.calls.map(([{ cause }]) => cause)).toEqual([failure])
  })
})

describe('tests/test_telemetry/test_exceptions.py', () => {
  it('test_errors_after_response_started_are_logged[stream]: a task sees it once', async () => {
    const failure = new TypeError('after response started')
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([], { onError })
    const log: unknown[] = []
    tasks.addTask({ run: ({ outcome, reason }) => void log.push([outcome, reason]) })
    const received = newGate()
    async function* body(): AsyncGenerator<string> {
      yield 'start'
      await received.opened
      throw failure
    }
    const { port } = await serve(() => tasks.wrap(new Response(bodyOf(body()))))

    const { response, received: receive } = await send({ port })
    await receive(1)
    received.open()
    expect(await response).toMatchObject({ status: 200, complete: false })
    await tasks.finished
    expect(log).toEqual([['errored', failure]])
    // It is the error of the response, which the host tells; no task has failed.
    expect(onError).not.toHaveBeenCalled()
  })

  it('test_errors_after_response_started_are_logged[cleanup]: onError hears it once', async () => {
    const failure = new TypeError('after response started')
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([], { onError })
    tasks.defer(function dependency() {
      throw failure
    })
    const { url } = await serve(() => tasks.wrap(Response.json('ok')))

    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await response.json()).toBe('ok')
    await tasks.finished
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.lastCall?.[0]).toMatchObject({ task: 'dependency', cause: failure })
  })
})
