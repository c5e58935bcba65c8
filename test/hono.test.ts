import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { Hono, type MiddlewareHandler } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { cache } from 'hono/cache'
import { compress } from 'hono/compress'
import { contextStorage, getContext } from 'hono/context-storage'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { poweredBy } from 'hono/powered-by'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { serveStatic } from 'hono/serve-static'
import { streamSSE } from 'hono/streaming'
import { timeout } from 'hono/timeout'
import { timing } from 'hono/timing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as context from '../src/context.ts'
import * as door from '../src/hono.ts'
import { provideBackgroundTasks } from '../src/hono.ts'
import { BackgroundTask, BackgroundTasks, drain, type TaskResult } from '../src/index.ts'
import { registry } from '../src/tasks/registry.ts'
import { readerOf, readUntil } from './support/body.ts'
import { exportedNames } from './support/exported-names.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { NodeResponse } from './support/node-response.ts'
import { watchReports } from './support/reports.ts'
import { newSource } from './support/source.ts'
import { turn } from './support/turn.ts'
import { newWitness, type Witness } from './support/witness.ts'

watchReports()

// As where nobody has imported `background-tasks/context`.
const { lists } = registry
beforeEach(() => void (registry.lists = undefined))
afterEach(() => void (registry.lists = lists))

describe('background-tasks/hono', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('hono', door)).toEqual({ values: ['provideBackgroundTasks'], types: [] })
  })
})

describe('provideBackgroundTasks() of Hono', () => {
  it('gives each request a list, which runs when the body has been read', async () => {
    const app = new Hono().use(provideBackgroundTasks())
    const seen: BackgroundTasks[] = []
    const calls: string[] = []
    app.get('/:name', (c) => {
      seen.push(c.var.backgroundTasks)
      c.var.backgroundTasks.addTask((name: string) => calls.push(name), c.req.param('name'))
      return c.text('answered')
    })
    const responses = [await app.request('/ada'), await app.request('/grace')]
    await turn()
    expect(calls).toEqual([])
    for (const response of responses) expect(await response.text()).toBe('answered')
    await Promise.all(seen.map(({ finished }) => finished))
    expect(calls).toEqual(['ada', 'grace'])
    expect(new Set(seen).size).toBe(2)
    expect(seen[0]).toBeInstanceOf(BackgroundTasks)
  })

  it('takes the options of a list', async () => {
    const onError = vi.fn()
    const app = new Hono().use(provideBackgroundTasks({ failure: 'continue', onError }))
    const witness = newWitness()
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(() => Promise.reject(new Error('failed')))
      c.var.backgroundTasks.addTask(witness.task)
      return c.body(null)
    })
    await app.request('/')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
    expect(onError).toHaveBeenCalledOnce()
  })

  it('is a middleware of a single route too', async () => {
    const witness = newWitness()
    const app = new Hono()
    app.get('/', provideBackgroundTasks(), (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      return c.json({ ok: true })
    })
    expect(await (await app.request('/')).json()).toEqual({ ok: true })
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome: 'closed', response: { status: 200 } }])
  })

  it('runs the tasks of a response without a body, and of a HEAD', async () => {
    const app = new Hono().use(provideBackgroundTasks())
    const [none, head] = [newWitness(), newWitness()]
    app.get('/none', (c) => {
      c.var.backgroundTasks.addTask(none.task)
      return c.redirect('/elsewhere', 303)
    })
    app.get('/head', (c) => {
      c.var.backgroundTasks.addTask(head.task)
      return c.text('never sent')
    })
    expect((await app.request('/none')).status).toBe(303)
    await none.task.finished
    const response = await app.request('/head', { method: 'HEAD' })
    expect(response.body).toBeNull()
    await head.task.finished
    expect([...none.outcomes(), ...head.outcomes()]).toEqual(['closed', 'closed'])
  })

  it.each([
    ['with routes after it', (app: Hono) => app.get('/found', (c) => c.text('found'))],
    ['as the only thing there is', () => {}],
  ])('runs the tasks of a request that nothing answers, %s', async (_, addRoutes) => {
    const app = new Hono().use(provideBackgroundTasks())
    const witness = newWitness()
    app.notFound((c) => {
      c.var.backgroundTasks.addTask(witness.task)
      return c.text('none', 404)
    })
    addRoutes(app)
    const response = await app.request('/nowhere')
    expect(response.status).toBe(404)
    expect(await response.text()).toBe('none')
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome: 'closed', response: { status: 404 } }])
  })

  it('counts a handler that answers nothing as thrown, since Hono makes an error of that', async () => {
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    app.use(async (c) => {
      c.var.backgroundTasks.addTask(function announce() {})
      c.var.backgroundTasks.addTask(witness.task)
    })
    app.onError((error, c) => c.text(error.message, 500))
    expect(await (await app.request('/')).text()).toMatch(/^Context is not finalized/)
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['thrown'])
  })

  it('keeps head and bytes, each cookie once, of a response that cannot be changed too', async () => {
    const answer = newAnswer()
    for (const change of ['set', 'append', 'delete'] as const) {
      vi.spyOn(answer.headers, change).mockImplementation(() => expect.fail(change))
    }
    const app = new Hono().use(provideBackgroundTasks()).get('/', () => answer)
    const response = await app.request('/')
    expect([response.status, response.statusText]).toEqual([203, 'Other'])
    expect([...response.headers]).toEqual([...newAnswer().headers])
    expect(await response.text()).toBe('a,b')
    await drain()
  })

  it('cancels the source and runs the tasks when the client has gone', async () => {
    const source = newSource()
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      return source.response
    })
    const response = await app.request('/')
    await response.body?.cancel('left')
    await witness.task.finished
    expect(source.cancels()).toEqual(['left'])
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'left' }])
  })

  it('runs the tasks in the async context of the middleware around it', async () => {
    const users = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const app = new Hono()
      .use((_, next) => users.run('ada', next))
      .use(contextStorage(), provideBackgroundTasks())
    app.get('/:id', (c) => {
      c.var.backgroundTasks.addTask(() => {
        seen.push(users.getStore(), getContext().req.param('id'))
      })
      return c.text('answered')
    })
    await (await app.request('/1')).text()
    await drain()
    expect(seen).toEqual(['ada', '1'])
  })

  it('refuses wrong options at once', () => {
    expect(misuse(() => provideBackgroundTasks(JSON.parse('{"paralel":2}')))).toBe(
      'Cannot create the middleware: there is no option paralel, check its spelling or leave it out',
    )
    expect(misuse(() => provideBackgroundTasks({ deadline: 0 }), RangeError)).toBe(
      'Cannot create the middleware: deadline is 0, pass milliseconds above 0',
    )
    expect(misuse(() => provideBackgroundTasks({ concurrency: 0 }), RangeError)).toContain(
      'concurrency is 0',
    )
  })

  it('says at the first request that it was not called', async () => {
    const app = new Hono()
    app.use(provideBackgroundTasks as never)
    app.get('/', (c) => c.text('answered'))
    app.onError(({ message }, c) => c.text(message, 500))
    expect(await (await app.request('/')).text()).toBe(
      'Cannot create the middleware: it is given a request, call it: app.use(provideBackgroundTasks())',
    )
  })
})

describe('an error below provideBackgroundTasks() of Hono', () => {
  it.each([
    ['an Error', new Error('broken'), 500],
    ['an HTTPException', new HTTPException(403, { message: 'not yours' }), 403],
  ])(
    'that reaches onError, %s, is thrown: its tasks run when the response of that has ended',
    async (_, error, status) => {
      const wanted = newWitness()
      const unwanted = newWitness({ when: ['closed'] })
      const cleanup = newGate()
      const app = new Hono().use(provideBackgroundTasks())
      let results: Promise<TaskResult[]> | undefined
      app.get('/', (c) => {
        const tasks = c.var.backgroundTasks
        tasks.addTask(wanted.task)
        tasks.addTask(unwanted.task)
        tasks.defer(cleanup.open)
        results = tasks.finished
        throw error
      })
      app.onError((_error, c) => c.text('sorry', status === 403 ? 403 : 500))
      const response = await app.request('/')
      expect(response.status).toBe(status)
      await turn()
      expect(wanted.outcomes()).toEqual([])
      expect(await response.text()).toBe('sorry')
      await cleanup.opened
      expect(wanted.contexts).toMatchObject([
        { outcome: 'thrown', reason: error, response: { status } },
      ])
      expect(await results).toMatchObject([
        { status: 'fulfilled' },
        { status: 'skipped', outcome: 'thrown' },
      ])
    },
  )

  it('is seen by a when that asks for the head of what onError has answered', async () => {
    const app = new Hono().use(
      provideBackgroundTasks({ when: ({ response }) => response?.status === 409 }),
    )
    const task = new BackgroundTask(() => {})
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(task)
      throw new HTTPException(409, { res: new Response('taken', { status: 409 }) })
    })
    expect(await (await app.request('/')).text()).toBe('taken')
    expect(await task.finished).toMatchObject({ status: 'fulfilled', outcome: 'thrown' })
  })

  it('is thrown in a sub-app with an onError of its own', async () => {
    const witness = newWitness()
    const users = new Hono().get('/', (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      throw new Error('broken')
    })
    users.onError((_, c) => c.text('of the sub-app', 502))
    const app = new Hono().use(provideBackgroundTasks()).route('/users', users)
    expect(await (await app.request('/users')).text()).toBe('of the sub-app')
    await witness.task.finished
    expect(witness.contexts).toMatchObject([
      { outcome: 'thrown', reason: new Error('broken'), response: { status: 502 } },
    ])
  })

  it('goes on unchanged when it is no Error, and when onError throws', async () => {
    const witnesses = [newWitness(), newWitness()]
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/text', (c) => {
      c.var.backgroundTasks.addTask(witnesses[0]?.task ?? expect.fail())
      throw 'only text'
    })
    const [first, second] = [new Error('first'), new Error('second')]
    app.get('/twice', (c) => {
      c.var.backgroundTasks.addTask(witnesses[1]?.task ?? expect.fail())
      throw first
    })
    const reported: unknown[] = []
    app.onError((error) => {
      reported.push(error)
      throw second
    })
    await expect(async () => app.request('/text')).rejects.toBe('only text')
    await expect(async () => app.request('/twice')).rejects.toBe(second)
    expect(reported.slice(0, 2)).toEqual([first, second])
    await Promise.all(witnesses.map(({ task }) => task.finished))
    expect(witnesses.map(({ contexts }) => contexts)).toMatchObject([
      [{ outcome: 'thrown', reason: 'only text', response: undefined }],
      [{ outcome: 'thrown', reason: second, response: undefined }],
    ])
  })

  it('is no error when it is a Response that is thrown', async () => {
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      throw new Response('thrown', { status: 418 })
    })
    const thrown: unknown = await Promise.resolve()
      .then(() => app.request('/'))
      .catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(Response)
    expect(await (thrown as Response).text()).toBe('thrown')
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome: 'closed', response: { status: 418 } }])
  })

  it('is that of notFound, where there is nothing else', async () => {
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    app.notFound((c) => {
      c.var.backgroundTasks.addTask(witness.task)
      throw new Error('broken')
    })
    app.onError((_, c) => c.text('sorry', 500))
    expect(await (await app.request('/')).text()).toBe('sorry')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['thrown'])
  })

  it('is thrown by timeout() around it, and the handler that goes on changes nothing', async () => {
    const gate = newGate()
    const over = newGate()
    const witness = newWitness()
    const onError = vi.fn()
    const app = new Hono()
    app.onError((error, c) => {
      onError(error)
      return c.text('too slow', 504)
    })
    app.use(timeout(1), async (_, next) => {
      await next()
      over.open()
    })
    app.use(provideBackgroundTasks())
    app.get('/', async (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      await gate.opened
      return c.text('late')
    })
    const response = await app.request('/')
    expect(await response.text()).toBe('too slow')
    gate.open()
    await over.opened
    await witness.task.finished
    expect(onError).toHaveBeenCalledOnce()
    expect(witness.contexts).toMatchObject([
      { outcome: 'thrown', reason: expect.any(HTTPException) },
    ])
  })
})

describe('several provideBackgroundTasks() of Hono', () => {
  it('share the list of the outermost, which runs once', async () => {
    const witness = newWitness()
    const seen = new Set<BackgroundTasks>()
    const note: MiddlewareHandler = async (c, next) => {
      seen.add(c.var.backgroundTasks)
      await next()
    }
    const users = new Hono().use(provideBackgroundTasks(), note)
    users.get('/:id', provideBackgroundTasks(), note, (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      return c.text('answered')
    })
    const app = new Hono().use(provideBackgroundTasks(), note, provideBackgroundTasks(), note)
    app.route('/users', users)
    await (await app.request('/users/1')).text()
    await witness.task.finished
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
    expect(seen.size).toBe(1)
  })

  it('for some paths only leave the others without a list', async () => {
    const app = new Hono().use('/with/*', provideBackgroundTasks())
    app.get('/:which/path', (c) => c.json({ has: Boolean(c.get('backgroundTasks')) }))
    expect(await (await app.request('/with/path')).json()).toEqual({ has: true })
    expect(await (await app.request('/without/path')).json()).toEqual({ has: false })
    await drain()
  })

  it('in a mounted app and around it run each its own, the inner ones first', async () => {
    const calls: string[] = []
    const inner = new Hono().use(provideBackgroundTasks()).get('/', (c) => {
      c.var.backgroundTasks.addTask(() => calls.push('inner'))
      return c.text('answered')
    })
    const app = new Hono().use(provideBackgroundTasks())
    app.use(async (c, next) => {
      c.var.backgroundTasks.addTask(() => calls.push('outer'))
      await next()
    })
    app.mount('/inner', inner.fetch)
    expect(await (await app.request('/inner')).text()).toBe('answered')
    await drain()
    expect(calls).toEqual(['inner', 'outer'])
  })

  it('take no list of a user for their own', async () => {
    const own = new BackgroundTasks()
    const app = new Hono()
    app.use(async (c, next) => {
      c.set('backgroundTasks', own)
      await next()
    })
    app.use(provideBackgroundTasks())
    app.get('/', (c) => c.json({ isOwn: c.var.backgroundTasks === own }))
    expect(await (await app.request('/')).json()).toEqual({ isOwn: false })
    await drain()
  })
})

describe('provideBackgroundTasks() of Hono with background-tasks/context', () => {
  beforeEach(() => void (registry.lists = lists))

  it('lets backgroundTasks() find the same list, in tasks too', async () => {
    const seen = new Set<BackgroundTasks>()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', async (c) => {
      await turn()
      seen.add(c.var.backgroundTasks).add(context.backgroundTasks())
      c.var.backgroundTasks.addTask(() => seen.add(context.backgroundTasks()))
      return c.text('answered')
    })
    await (await app.request('/')).text()
    await drain()
    expect(seen.size).toBe(1)
  })

  it('joins the list of a provider around the app', async () => {
    const witness = newWitness()
    const seen = new Set<BackgroundTasks>()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', (c) => {
      seen.add(c.var.backgroundTasks).add(context.backgroundTasks())
      c.var.backgroundTasks.addTask(witness.task)
      return c.text('answered')
    })
    let around: BackgroundTasks | undefined
    const fetch = context.provideBackgroundTasks((request: Request) => {
      around = context.backgroundTasks()
      return app.fetch(request)
    })
    await (await fetch(new Request('http://localhost/'))).text()
    await witness.task.finished
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
    expect(around?.tasks).toEqual([...seen])
  })

  it.each(['a provider', 'another app'])('knows of its onError below %s too', async (where) => {
    const witness = newWitness()
    const ran: string[] = []
    const inner = new Hono().use(provideBackgroundTasks()).get('/inner', (c) => {
      c.var.backgroundTasks.addTask(() => ran.push('announced'))
      c.var.backgroundTasks.addTask(witness.task)
      throw new Error('bug')
    })
    inner.onError((_, c) => c.text('failed', 500))
    const outer = new Hono().use(provideBackgroundTasks()).mount('/', inner.fetch)
    const fetch =
      where === 'a provider'
        ? context.provideBackgroundTasks((request: Request) => inner.fetch(request))
        : outer.fetch
    expect(await (await fetch(new Request('http://localhost/inner'))).text()).toBe('failed')
    await drain()
    expect(witness.contexts).toMatchObject([{ outcome: 'thrown', response: { status: 500 } }])
    expect(ran).toEqual([])
  })

  it('lets a wrap below it join the list, and a mounted app share it', async () => {
    const calls: string[] = []
    const inner = new Hono().use(provideBackgroundTasks()).get('/', (c) => {
      const tasks = new BackgroundTasks()
      tasks.addTask(() => calls.push('wrapped'))
      c.var.backgroundTasks.addTask(() => calls.push('inner'))
      return tasks.wrap(c.text('answered'))
    })
    const app = new Hono().use(provideBackgroundTasks())
    app.use(async (c, next) => {
      c.var.backgroundTasks.addTask(() => calls.push('outer'))
      await next()
    })
    app.mount('/inner', inner.fetch)
    await (await app.request('/inner')).text()
    await drain()
    expect(calls).toEqual(['outer', 'inner', 'wrapped'])
  })
})

describe('provideBackgroundTasks() of Hono on a server', () => {
  it('leaves the response alone where the server tells its end', async () => {
    const outgoing = new NodeResponse()
    const answer = new Response('answered')
    const sent: unknown[] = []
    const witness = newWitness()
    const app = new Hono()
    app.use(async (c, next) => {
      await next()
      sent.push(c.res)
    })
    app.use(provideBackgroundTasks())
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      return answer
    })
    expect(await app.request('/', {}, { outgoing })).toBe(answer)
    expect(sent).toEqual([answer])
    expect(answer.bodyUsed).toBe(false)
    expect(await answer.text()).toBe('answered')
    await turn()
    expect(witness.outcomes()).toEqual([])
    outgoing.finish()
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('asks it for nothing where the list is empty, and later if something is added', async () => {
    const outgoing = new NodeResponse()
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    let tasks: BackgroundTasks | undefined
    app.get('/', (c) => {
      tasks = c.var.backgroundTasks
      return c.text('answered')
    })
    await app.request('/', {}, { outgoing })
    expect(outgoing.heard).toBe(0)
    tasks?.addTask(witness.task)
    outgoing.cut()
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['cancelled'])
  })

  it('waits there for the response of onError too', async () => {
    const outgoing = new NodeResponse()
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      throw new HTTPException(401)
    })
    expect((await app.request('/', {}, { outgoing })).status).toBe(401)
    await turn()
    expect(witness.outcomes()).toEqual([])
    outgoing.finish()
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome: 'thrown', response: { status: 401 } }])
  })

  it('gives the context of a Worker one promise, before the handler is called', async () => {
    const promises: Promise<unknown>[] = []
    const executionCtx = {
      props: {},
      waitUntil: (promise: Promise<unknown>) => void promises.push(promise),
      passThroughOnException() {},
    }
    const gate = newGate()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', (c) => {
      expect(promises).toHaveLength(1)
      c.var.backgroundTasks.addTask(() => gate.opened)
      return c.text('answered')
    })
    await (await app.request('/', {}, {}, executionCtx)).text()
    expect(promises).toHaveLength(1)
    const ended = vi.fn()
    void promises[0]?.then(ended)
    await turn()
    expect(ended).not.toHaveBeenCalled()
    gate.open()
    await promises[0]
  })
})

describe('middleware of Hono around and below provideBackgroundTasks()', () => {
  const long = 'some text, '.repeat(500)
  const middleware: Record<string, () => MiddlewareHandler> = {
    'basicAuth()': () => basicAuth({ username: 'ada', password: 'secret' }),
    'cache()': () => cache({ cacheName: 'test', wait: true }),
    'compress()': () => compress({ threshold: 1 }),
    'cors()': () => cors({ origin: 'http://example.com', credentials: true }),
    'etag()': () => etag(),
    'poweredBy()': () => poweredBy(),
    'requestId()': () => requestId({ generator: () => 'fixed' }),
    'secureHeaders()': () => secureHeaders(),
    'serveStatic()': () =>
      serveStatic({ getContent: async (path) => (path.includes('json') ? 'of a file' : null) }),
    'timeout()': () => timeout(10_000),
    'timing()': () => timing({ total: false }),
  }
  const requests: [string, RequestInit][] = [
    ['/text', { headers: { origin: 'http://example.com', 'accept-encoding': 'gzip' } }],
    ['/text', { headers: { 'if-none-match': `"${sha1(long)}"` } }],
    ['/text', { method: 'HEAD' }],
    ['/text', { method: 'OPTIONS', headers: { origin: 'http://example.com' } }],
    ['/json', { headers: { authorization: `Basic ${btoa('ada:secret')}` } }],
    ['/events', {}],
    ['/html', { headers: { 'accept-encoding': 'gzip' } }],
    ['/moved', {}],
    ['/gone', {}],
    ['/broken', {}],
    ['/nowhere', {}],
    // Once more, for what a cache keeps.
    ['/text', { headers: { origin: 'http://example.com', 'accept-encoding': 'gzip' } }],
  ]

  function newApp(before: MiddlewareHandler[], witnesses: Witness[] = []): Hono {
    const app = new Hono()
    for (const each of before) app.use(each)
    app.use(async (c, next) => {
      const witness = newWitness()
      if (before.length > 1) {
        witnesses.push(witness)
        c.var.backgroundTasks.addTask(witness.task)
      }
      await next()
    })
    app.get('/text', (c) => c.text(long))
    app.get('/json', (c) => c.json({ long }, 201, { 'x-case': 'json' }))
    app.get('/html', (c) => c.html(`<p>${long}</p>`))
    app.get('/moved', (c) => c.redirect('/text'))
    app.get('/gone', (c) => c.body(null, 204))
    app.get('/broken', () => {
      throw new HTTPException(400, { message: 'broken' })
    })
    app.get('/events', (c) =>
      streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: 'one' })
        await stream.writeSSE({ data: 'two' })
      }),
    )
    app.onError((_, c) => c.text('sorry', 500))
    return app
  }

  describe.each(Object.keys(middleware))('%s', (name) => {
    const make = (): MiddlewareHandler => middleware[name]?.() ?? expect.fail()

    it.each([
      ['around it', (own: MiddlewareHandler, other: MiddlewareHandler) => [other, own]],
      ['below it', (own: MiddlewareHandler, other: MiddlewareHandler) => [own, other]],
    ])('%s answers as without it, and each task runs once', async (_, order) => {
      stubCaches()
      const bare = newApp([make()])
      const expected: unknown[] = []
      for (const [path, init] of requests) expected.push(await ask(bare, path, init))

      stubCaches()
      const witnesses: Witness[] = []
      // Nobody reads what etag() throws away: it is not waited for long.
      const own = provideBackgroundTasks({ unreadTimeout: 5 })
      const app = newApp(order(own, make()), witnesses)
      const answers: unknown[] = []
      for (const [path, init] of requests) answers.push(await ask(app, path, init))
      expect(answers).toEqual(expected)
      await drain()
      expect(witnesses.length).toBeGreaterThan(0)
      for (const { outcomes } of witnesses) expect(outcomes()).toHaveLength(1)
    })
  })

  it('etag() answers 304 from around it and from below', async () => {
    const own = provideBackgroundTasks({ unreadTimeout: 5 })
    for (const before of [
      [etag(), own],
      [own, etag()],
    ]) {
      const app = newApp(before)
      const headers = { 'if-none-match': `"${sha1(long)}"` }
      expect((await app.request('/text', { headers })).status).toBe(304)
    }
    await drain()
  })

  it('streamSSE() hears of a client that has gone, and the tasks run', async () => {
    const aborted = newGate()
    const witness = newWitness()
    const app = new Hono().use(provideBackgroundTasks())
    app.get('/', (c) => {
      c.var.backgroundTasks.addTask(witness.task)
      return streamSSE(c, async (stream) => {
        stream.onAbort(aborted.open)
        await stream.writeSSE({ data: 'one' })
        await aborted.opened
      })
    })
    const reader = readerOf(await app.request('/'))
    expect(await readUntil(reader, 'one\n\n')).toBe('data: one\n\n')
    await reader.cancel('left')
    await aborted.opened
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'left' }])
  })
})

/** One with all that a head has. */
function newAnswer(): Response {
  const headers = new Headers({ 'x-one': '1', 'content-type': 'text/csv' })
  headers.append('set-cookie', 'a=1')
  headers.append('set-cookie', 'b=2')
  return new Response('a,b', { status: 203, statusText: 'Other', headers })
}

/** What the platforms have that `cache()` uses. */
function stubCaches(): void {
  const stored = new Map<string, Response>()
  const match = async (key: string): Promise<Response | undefined> => stored.get(key)?.clone()
  const put = async (key: string, response: Response): Promise<void> => {
    stored.set(key, new Response(await response.arrayBuffer(), response))
  }
  vi.stubGlobal('caches', { open: async () => ({ match, put }) })
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

async function ask(app: Hono, path: string, init: RequestInit): Promise<unknown> {
  const response = await app.request(path, init)
  const { status, statusText } = response
  const body = Buffer.from(await response.arrayBuffer()).toString('base64')
  return { path, status, statusText, headers: [...response.headers], body }
}
