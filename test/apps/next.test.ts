import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RawRequest, type RawResponse, request, send } from '../support/client.ts'
import {
  freePort,
  type ServerEvent,
  type ServerProcess,
  startServer,
} from '../support/server-process.ts'
import { appEnvironment, installApp, runIn } from './install.ts'
import { bodyStarted } from './suite.ts'

let app = ''
let buildOutput = ''
let folder = ''

beforeAll(async () => {
  app = await installApp('next')
  folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  // What is left of an earlier build is in the way of the type check.
  for (const dist of ['.next', '.next-standalone'])
    await rm(join(app, dist), { recursive: true, force: true })
  buildOutput = await runIn(app, ['next', 'build'])
  await runIn(app, ['next', 'build'], { OUTPUT: 'standalone', DIST: '.next-standalone' })
})
afterAll(() => rm(folder, { recursive: true }))

/** The three ways in which an app is served, each by the framework's own command. */
const servers = {
  'next start': () => startNext('start'),
  'output: standalone': async () => {
    const port = await freePort()
    return startServer(['node', '.next-standalone/standalone/server.js'], {
      cwd: app,
      port,
      env: { ...appEnvironment(app), HOSTNAME: '127.0.0.1' },
    })
  },
  'next dev': () => startNext('dev'),
}

/** A route that answers with `answer()` of lib/answer.ts, and what its tasks see. */
interface Mount {
  readonly path: string
  readonly edge?: true
}

const mounts: Record<string, Mount> = {
  'withBackgroundTasks() of background-tasks/next': {
    path: '/door',
  },
  'withBackgroundTasks() of background-tasks': {
    path: '/core',
  },
  'withBackgroundTasks() of background-tasks/next in the edge runtime': {
    path: '/edge-door',
    edge: true,
  },
  'withBackgroundTasks() of background-tasks in the edge runtime': {
    path: '/edge-core',
    edge: true,
  },
}

let requests = 0
const newId = (name: string): string => `${name}-${(requests += 1)}`

describe.each(Object.entries(servers))('%s', (_, start) => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server.stop())

  const events = (id: string): Promise<ServerEvent[]> =>
    server.until(() => true).then((all) => all.filter((event) => event.id === id))
  const seen = (id: string, type: string): Promise<ServerEvent[]> =>
    server
      .until((all) => all.some((event) => event.id === id && event.type === type))
      .then((all) => all.filter((event) => event.id === id))
  const printed = (line: string): Promise<unknown> =>
    server.until(() => server.output().includes(`${line}\n`))
  const ask = (path: string, id: string, more: Partial<RawRequest> = {}): RawRequest => ({
    port: server.port,
    path: `${path}${path.includes('?') ? '&' : '?'}id=${id}`,
    ...more,
  })
  const open = (gate: string): Promise<RawResponse> =>
    request({ port: server.port, path: `/gate?open=${gate}` })

  /** Every task of the request has run once, in order, and the list has ended. */
  async function expectTasks(id: string, outcome: string): Promise<void> {
    const all = await seen(id, 'finished')
    const ofTasks = all.filter(({ type }) => /^(task|last-task|cleanup|finished)/.test(type))
    expect(ofTasks).toMatchObject(
      outcome === 'thrown'
        ? [
            { type: 'task-if-thrown', id },
            { type: 'cleanup', id },
            { type: 'finished', id, statuses: ['skipped', 'fulfilled', 'skipped'] },
          ]
        : [
            { type: 'task', id, outcome },
            { type: 'last-task', id },
            { type: 'cleanup', id },
            { type: 'finished', id, statuses: ['fulfilled', 'skipped', 'fulfilled'] },
          ],
    )
  }

  /** The client leaves before the handler has returned `kind`. */
  async function leaveEarly(from: string, kind: string, id: string): Promise<void> {
    const { socket } = await send(ask(`${from}/${kind}`, id))
    await seen(id, 'handler-waits')
    socket.destroy()
    await seen(id, 'aborted')
    await open(`${id}-handler`)
    await seen(id, 'handler-ends')
  }

  describe.each(Object.entries(mounts))('%s', (_api, mount) => {
    const { path, edge } = mount
    const bare = edge ? '/edge-bare' : '/bare'
    it.each(['text', 'json', 'large', 'length', 'status', 'cookies'])(
      'runs the tasks after a %s response, which is as the bare one on the wire',
      async (kind) => {
        const id = newId(kind)
        const response = await request(ask(`${path}/${kind}`, id))
        await expectTasks(id, 'closed')
        const unwrapped = await request(ask(`${bare}/${kind}`, id))
        expect(response.complete).toBe(true)
        expect(wire(response)).toEqual(wire(unwrapped))
      },
    )

    it.each(['null', 'no-content', 'not-modified', 'redirect'])(
      'runs them after a %s response',
      async (kind) => {
        const id = newId(kind)
        const response = await request(ask(`${path}/${kind}`, id))
        await expectTasks(id, 'closed')
        expect(wire(response)).toEqual(wire(await request(ask(`${bare}/${kind}`, id))))
      },
    )

    it('runs them after a POST whose body it sends back', async () => {
      const id = newId('echo')
      const body = 'a'.repeat(100_000)
      const response = await request(ask(`${path}/echo`, id, { method: 'POST', body }))
      expect(response).toMatchObject({ status: 200, complete: true })
      expect(String(response.body)).toBe(body)
      await expectTasks(id, 'closed')
    })

    it.each(['text', 'stream', 'no-content'])('runs them after a HEAD of %s', async (kind) => {
      const id = newId(`head-${kind}`)
      await open(`${id}-chunk`)
      const response = await request(ask(`${path}/${kind}`, id, { method: 'HEAD' }))
      expect(response.status).toBe(kind === 'no-content' ? 204 : 200)
      await expectTasks(id, 'closed')
    })

    it('starts them only after the last chunk of a stream', async () => {
      const id = newId('stream')
      const exchange = await send(ask(`${path}/stream`, id))
      await bodyStarted(exchange, 'first ')
      await open(`${id}-chunk`)
      expect(String((await exchange.response).body)).toBe('first last')
      const all = await seen(id, 'finished')
      expect(all.map(({ type }) => type)).toEqual([
        'last-chunk',
        'task',
        'last-task',
        'cleanup',
        'finished',
      ])
    })

    it('runs them once for a client that leaves mid-stream', async () => {
      const id = newId('mid-stream')
      const exchange = await send(ask(`${path}/stream`, id))
      await bodyStarted(exchange, 'first ')
      exchange.socket.destroy()
      await seen(id, 'source-cancelled')
      await expectTasks(id, 'cancelled')
    })

    it.each(['slow', 'slow-stream'])(
      'runs them once for a client that leaves before the handler has returned (%s)',
      async (kind) => {
        const id = newId(kind)
        await leaveEarly(path, kind, id)
        await expectTasks(id, 'cancelled')
        const order = (await events(id)).map(({ type }) => type)
        expect(order.indexOf('handler-ends')).toBeLessThan(order.indexOf('task'))
      },
    )

    if (path === '/door') {
      // Next drops the body, which somebody else may keep: a cache that sends clones of it.
      it('leaves the body alone that Next does not send, as without it', async () => {
        const [id, bareId] = [newId('dropped'), newId('dropped')]
        await leaveEarly(bare, 'slow-stream', bareId)
        await leaveEarly(path, 'slow-stream', id)
        await expectTasks(id, 'cancelled')
        for (const each of [id, bareId]) {
          expect(await events(each)).not.toContainEqual({ type: 'source-cancelled', id: each })
        }
      })
    } else {
      it('cancels the source of a body that Next does not send', async () => {
        const id = newId('dropped')
        await leaveEarly(path, 'slow-stream', id)
        await seen(id, 'source-cancelled')
        await expectTasks(id, 'cancelled')
      })
    }

    it('runs them when the source of the body fails', async () => {
      const id = newId('source-error')
      const response = await request(ask(`${path}/source-error`, id))
      expect(response.complete).toBe(false)
      await seen(id, 'source-fails')
      await expectTasks(id, 'errored')
    })

    it('runs only those for it when the handler throws', async () => {
      const id = newId('throw')
      expect(await request(ask(`${path}/throw`, id))).toMatchObject({ status: 500 })
      await expectTasks(id, 'thrown')
    })

    it.each([
      ['throw-redirect', 307],
      ['throw-not-found', 404],
    ])('passes the control flow of Next on (%s)', async (kind, status) => {
      const id = newId(kind)
      const response = await request(ask(`${path}/${kind}`, id))
      expect(response.status).toBe(status)
      await expectTasks(id, 'closed')
      expect(await events(id)).toContainEqual(expect.objectContaining({ type: 'task', status }))
      expect(wire(response)).toEqual(wire(await request(ask(`${bare}/${kind}`, id))))
    })

    it('does not hold the response back for a task that takes long', async () => {
      const id = newId('long')
      const response = await request(ask(`${path}/json?task=wait`, id))
      expect(response).toMatchObject({ status: 200, complete: true })
      await seen(id, 'task')
      await open(`${id}-task`)
      await expectTasks(id, 'closed')
    })

    if (edge) {
      // It takes one chunk more than the client has room for, and has no file system to block on.
      it('starts them while a client that reads slowly has the last chunk to come', async () => {
        const id = newId('slow-reader')
        const { socket, received, response } = await send(ask(`${path}/large`, id))
        await received(1)
        socket.pause()
        await expectTasks(id, 'closed')
        socket.resume()
        expect((await response).body).toHaveLength(20_000_000)
      })

      it('does not hold the response back for a task that blocks the thread', async () => {
        const id = newId('spinning')
        const response = await request(ask(`${path}/text?spin`, id))
        expect(response).toMatchObject({ status: 200, complete: true })
        expect(await events(id)).toEqual([])
        await seen(id, 'spun')
        await seen(id, 'finished')
      })
    } else {
      it('waits for a client that reads slowly', async () => {
        const [id, other] = [newId('slow-reader'), newId('meanwhile')]
        const { socket, received, response } = await send(ask(`${path}/large`, id))
        await received(1)
        socket.pause()
        expect(await request(ask(`${path}/text`, other))).toMatchObject({ complete: true })
        await expectTasks(other, 'closed')
        expect(await events(id)).toEqual([])
        socket.resume()
        expect((await response).body).toHaveLength(20_000_000)
        await expectTasks(id, 'closed')
      })

      it('does not hold the response back for a task that blocks the thread', async () => {
        const id = newId('blocking')
        const file = join(folder, id)
        const response = await request(ask(`${path}/text?block=${file}`, id))
        expect(response).toMatchObject({ status: 200, complete: true })
        await writeFile(file, '')
        const all = await seen(id, 'finished')
        expect(all).toContainEqual({ type: 'unblocked', id, by: 'the client' })
      })
    }

    it('gives each of many parallel requests a list of its own', async () => {
      const ids = Array.from({ length: 20 }, () => newId('parallel'))
      await Promise.all(ids.map((id) => request(ask(`${path}/json`, id))))
      for (const id of ids) await expectTasks(id, 'closed')
    })
  })

  // It has a `setImmediate` that throws this.
  it('prints nothing about what the edge runtime does not have', async () => {
    for (const path of ['/edge-core', '/edge-door']) {
      const id = newId('edge')
      await request(ask(`${path}/text`, id))
      await expectTasks(id, 'closed')
    }
    expect(server.output()).not.toContain('not supported in the Edge Runtime')
  })

  describe('withBackgroundTasks() of background-tasks/next around a server action', () => {
    it.each([
      ['act', 200, 'closed'],
      ['actAndRedirect', 303, 'closed'],
      ['actAndFindNothing', 404, 'closed'],
      ['actAndThrow', 500, 'thrown'],
    ])(
      'runs the tasks after the page of a form without scripts (%s)',
      async (name, status, outcome) => {
        const id = newId(name)
        const response = await request(await formPost(server, `/actions?id=${id}`, name, { id }))
        expect(response).toMatchObject({ status, complete: true })
        await expectTasks(id, outcome)
      },
    )

    it('starts them when the page that follows has been rendered', async () => {
      const id = newId('order')
      await request(await formPost(server, `/actions?id=${id}`, 'act', { id }))
      const types = (await seen(id, 'finished')).map(({ type }) => type)
      expect(types.slice(-5)).toEqual(['page-renders', 'task', 'last-task', 'cleanup', 'finished'])
    })

    it('passes the arguments and the result of a call by a script', async () => {
      const id = newId('call')
      const response = await request(await call(server, 'add', [id, 1, 2]))
      expect(response).toMatchObject({ status: 200, complete: true })
      expect(String(response.body)).toMatch(/^1:3$/m)
      await expectTasks(id, 'closed')
    })

    it('runs them for a client that leaves while the action runs, with the tasks of what it calls', async () => {
      const id = newId('left')
      const { socket } = await send(
        await formPost(server, `/actions?id=${id}`, 'actSlowly', { id }),
      )
      await seen(id, 'handler-waits')
      socket.destroy()
      await open(`${id}-handler`)
      const types = (await seen(id, 'finished')).map(({ type }) => type)
      expect(types.filter((type) => type !== 'page-renders')).toEqual([
        'handler-waits',
        'handler-ends',
        'task',
        'last-task',
        'dependency',
        'dependency-later',
        'cleanup',
        'finished',
      ])
      expect(await events(id)).toContainEqual({ type: 'task', id, outcome: 'closed' })
    })
  })

  describe('withBackgroundTasks() of background-tasks/next around a page', () => {
    it('starts the tasks only after the last chunk of the page', async () => {
      const id = newId('page')
      const exchange = await send(ask('/page-door', id))
      await bodyStarted(exchange, 'waiting')
      await open(`${id}-late`)
      expect(String((await exchange.response).body)).toContain('late')
      const types = (await seen(id, 'finished')).map(({ type }) => type)
      expect(types).toEqual(['last-chunk', 'task', 'last-task', 'cleanup', 'finished'])
    })
  })

  describe('backgroundTasks() of background-tasks/context', () => {
    const types = ['task', 'dependency', 'dependency-later', 'last-task']

    it.each(['door', 'core'])('finds the list of the route handler (%s)', async (kind) => {
      const ids = Array.from({ length: 10 }, () => newId('context'))
      const responses = await Promise.all(ids.map((id) => request(ask(`/context/${kind}`, id))))
      expect(responses.map(({ body }) => JSON.parse(String(body)))).toEqual(
        ids.map(() => ({ size: types.length })),
      )
      for (const id of ids) {
        expect((await seen(id, 'last-task')).map(({ type }) => type)).toEqual(types)
      }
    })

    it('finds the list of a page in what its function calls, not in what it renders', async () => {
      const id = newId('page-context')
      const page = await request(ask('/context/page', id))
      expect(String(page.body)).toContain('Cannot get the background tasks')
      expect((await seen(id, 'last-task')).map(({ type }) => type)).toEqual(types)
    })
  })

  describe('withBackgroundTasks() of background-tasks/next', () => {
    it('lets Next call what was given to after() first, and waits for none of it', async () => {
      const id = newId('order')
      await request(ask('/order', id))
      await seen(id, 'after-in-task')
      await open(`${id}-after`)
      expect((await seen(id, 'after-ends')).map(({ type }) => type)).toEqual([
        'after-starts',
        'task',
        'after-in-task',
        'after-ends',
      ])
    })

    it('runs the tasks of a proxy', async () => {
      const id = newId('proxy')
      const response = await request(ask('/proxied', id))
      expect(String(response.body)).toBe('behind the proxy')
      await seen(id, 'task')
    })

    it('runs the tasks of the guide', async () => {
      const email = `${newId('guide')}@example.com`
      const body = JSON.stringify({ email })
      const post = (path: string): Promise<RawResponse> =>
        request({ port: server.port, path, method: 'POST', body })
      expect(await post('/notifications')).toMatchObject({ status: 202, complete: true })
      await printed(`notification for ${email}: some notification`)
      const query = newId('query')
      const path = `/send-notification/${email}?q=${query}`
      await request({ port: server.port, path, method: 'POST' })
      await printed(`log: found query: ${query}`)
      await printed(`log: message to ${email}`)
      const subscriber = newId('subscriber')
      await request(await formPost(server, '/newsletter', 'newsletter', { email: subscriber }))
      await printed(`notification for ${subscriber}: welcome`)
    })

    it('reads cookies and headers in a task', async () => {
      const agent = newId('agent')
      const fields = { cookie: 'theme=dark', 'user-agent': agent }
      await request({ port: server.port, path: '/visits', headers: fields })
      await printed(`visit with dark by ${agent}`)
    })
  })
})

it('prints no warning at build but those of the edge runtime itself', () => {
  const lines = buildOutput.split('\n').map((line) => line.trim())
  // That there is no build cache is said of the machine, and only where CI is set.
  const warnings = lines.filter(
    (line) => /^(⚠|⨯)|warn|not supported/i.test(line) && !line.startsWith('⚠ No build cache found'),
  )
  expect(warnings).toEqual([
    expect.stringContaining('The Edge Runtime is deprecated'),
    expect.stringContaining('Using edge runtime on a page currently disables static generation'),
  ])
})

describe('withBackgroundTasks() of background-tasks/next around a static route or page', () => {
  it('runs the tasks at build, and the build waits for them', () => {
    expect(countEvents(buildOutput, 'task', 'static-door')).toBe(1)
    expect(countEvents(buildOutput, 'last-task', 'static-door')).toBe(1)
    expect(countEvents(buildOutput, 'task', 'page-static')).toBe(1)
    expect(countEvents(buildOutput, 'task', 'isr-door')).toBe(1)
  })

  it('runs none of a route that turns out to be dynamic', () => {
    expect(buildOutput).not.toMatch(/"type":"(task|task-if-thrown|last-task)","id":"isr-dynamic"/)
  })

  it('leaves them static, as does that of background-tasks', async () => {
    const manifest = await readFile(join(app, '.next/prerender-manifest.json'), 'utf8')
    expect(Object.keys(JSON.parse(manifest).routes)).toEqual(
      expect.arrayContaining([
        '/static/door',
        '/static/core',
        '/page-static',
        '/isr/door',
        '/isr/core',
      ]),
    )
  })

  it('runs them again at a revalidation, not per request', async () => {
    const server = await servers['next start']()
    const ask = (path: string, method = 'GET'): Promise<RawResponse> =>
      request({ port: server.port, path, method })
    for (const path of ['/static/door', '/page-static', '/isr/door']) {
      expect(await ask(path)).toMatchObject({ status: 200, complete: true })
    }
    // Revalidated by a task: what it asks of Next's cache is carried out.
    await ask('/revalidate?path=/isr/door&id=revalidation', 'POST')
    await server.until((all) => all.some(({ id }) => id === 'revalidation'))
    const fresh = await ask('/isr/door')
    await server.until((all) => all.some(({ id }) => id === 'isr-door'))
    expect(await ask('/isr/door')).toMatchObject({ body: fresh.body })
    await ask('/isr/dynamic')
    const all = await server.until((events) =>
      events.some(({ type, id }) => `${type} ${id}` === 'finished isr-dynamic'),
    )
    expect(all.map(({ type, id }) => `${type} ${id}`)).toEqual([
      'finished revalidation',
      'task isr-door',
      'task isr-dynamic',
      'last-task isr-dynamic',
      'cleanup isr-dynamic',
      'finished isr-dynamic',
    ])
    await server.stop()
  })
})

describe.each(['next start', 'output: standalone'] as const)('%s at SIGTERM', (name) => {
  const pending = async (path: string, id: string) => {
    const server = await servers[name]()
    const file = join(folder, id)
    await request({ port: server.port, path: `${path}?id=${id}&until=${file}` })
    await server.until((all) => all.some(({ type }) => type === 'waits-for-file'))
    return { server, file }
  }

  it.each([
    ['withBackgroundTasks() of background-tasks/next', '/door/json'],
    ['that of background-tasks with { waitUntil: after }', '/held'],
  ])('waits for the tasks of %s', async (_, path) => {
    const { server, file } = await pending(path, newId('sigterm'))
    const stopped = server.stop('SIGTERM')
    await refused(server.port)
    await writeFile(file, '')
    await stopped
    expect(await server.exited).toBe(143)
    const all = await server.until(() => true)
    expect(all).toContainEqual(expect.objectContaining({ type: 'file-seen' }))
    if (path === '/held') return
    expect(all).toContainEqual(
      expect.objectContaining({
        type: 'finished',
        statuses: ['fulfilled', 'fulfilled', 'skipped', 'fulfilled'],
      }),
    )
  })

  it('loses those of background-tasks without it', async () => {
    const { server } = await pending('/core/json', newId('sigterm'))
    await server.stop('SIGTERM')
    expect(await server.until(() => true)).not.toContainEqual(
      expect.objectContaining({ type: 'file-seen' }),
    )
  })
})

async function startNext(command: 'start' | 'dev'): Promise<ServerProcess> {
  const port = await freePort()
  return startServer(['next', command, '-p', String(port), '-H', '127.0.0.1'], {
    cwd: app,
    port,
    env: appEnvironment(app),
  })
}

/** What two answers must have in common. */
function wire({ status, statusText, headers, body }: RawResponse): unknown {
  const varying = new Set(['date', 'x-nextjs-request-id'])
  return {
    status,
    statusText,
    headers: headers.filter(([name]) => !varying.has(name)),
    // Not the bytes themselves: to print the difference of 20 MB takes all memory.
    length: body.length,
    hash: createHash('sha256').update(body).digest('hex'),
  }
}

/** Sends the form of a page, as a browser without scripts does. */
async function formPost(
  { port }: ServerProcess,
  path: string,
  form: string,
  fields: Record<string, string>,
): Promise<RawRequest> {
  const boundary = 'boundary'
  const action = `$ACTION_ID_${await actionId(port, path, form)}`
  const parts = Object.entries({ [action]: '', ...fields }).map(
    ([field, value]) =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
  )
  return {
    port,
    path,
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: `${parts.join('')}--${boundary}--\r\n`,
  }
}

/** Calls an action of the page /actions, as a script in it does. */
async function call(
  { port }: ServerProcess,
  name: string,
  args: readonly unknown[],
): Promise<RawRequest> {
  return {
    port,
    path: '/actions',
    method: 'POST',
    headers: {
      accept: 'text/x-component',
      'content-type': 'text/plain;charset=UTF-8',
      'next-action': await actionId(port, '/actions', name),
    },
    body: JSON.stringify(args),
  }
}

async function actionId(port: number, path: string, form: string): Promise<string> {
  const { body } = await request({ port, path })
  const [, id] = new RegExp(`<form [^>]*"${form}".*?\\$ACTION_ID_(\\w+)`).exec(String(body)) ?? []
  if (id === undefined) throw new Error(`No form ${form} in ${body}`)
  return id
}

function countEvents(output: string, type: string, id: string): number {
  return output.split(`{"type":"${type}","id":"${id}"}`).length - 1
}

/** Resolves when the server takes no more connections. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
    } catch {
      return
    } finally {
      socket.destroy()
    }
  }
}
