import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RawRequest, type RawResponse, request, send } from '../support/client.ts'
import type { ServerEvent, ServerProcess } from '../support/server-process.ts'
import { bodyStarted } from './suite.ts'

interface Framework {
  /** What the framework's own links ask for in the place of the page at `path`. */
  readonly data: (path: string) => string
  /** Whether the server compresses. */
  readonly isCompressed: boolean
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** What holds for pages whose loaders and actions add tasks, in React Router and in Remix. */
export function itRunsTasksAfterThePage(server: () => ServerProcess, framework: Framework): void {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const used: string[] = []
  const newId = (name: string): string => {
    const id = `${name}-${used.length}`
    used.push(id)
    return id
  }
  const get = (path: string, more: Partial<RawRequest> = {}): RawRequest => ({
    port: server().port,
    path,
    ...more,
  })
  const post = { method: 'POST', headers: form, body: 'email=ada' }
  const open = (gate: string): Promise<RawResponse> =>
    request(get(`/release?gate=${encodeURIComponent(gate)}`))
  const seen = (type: string, id: string): Promise<ServerEvent[]> =>
    server().until((all) => all.some((event) => event.type === type && event.id === id))
  const outcomeOf = async (name: string): Promise<unknown> =>
    (await seen('task-end', name)).find(({ type, id }) => type === 'task-end' && id === name)?.[
      'outcome'
    ]
  const order = async (id: string): Promise<string[]> => {
    const events = await server().until(() => true)
    return events
      .filter((event) => event.id?.endsWith(id))
      .map(({ type, id: of }) => `${type} ${of}`)
  }

  describe('a page whose loaders add tasks', () => {
    it('is sent before its tasks start, even when they block the thread', async () => {
      const id = newId('blocking')
      const file = join(folder, id)
      const page = await request(get(`/page?id=${id}&block=${file}`))
      expect(page).toMatchObject({ status: 200, complete: true })
      expect(String(page.body)).toContain('At once')
      await writeFile(file, '')
      const events = await seen('task-end', `page ${id}`)
      expect(events).toContainEqual(expect.objectContaining({ id: `layout ${id}`, result: 'seen' }))
      expect(events).toContainEqual(expect.objectContaining({ id: `page ${id}`, result: 'seen' }))
    })

    it('is sent whole before its tasks start when a part of it comes later', async () => {
      const id = newId('deferred')
      const exchange = await send(get(`/page?id=${id}&answer=deferred`))
      await bodyStarted(exchange, 'Waiting')
      await open(`late ${id}`)
      const page = await exchange.response
      expect(page).toMatchObject({ status: 200, complete: true })
      expect(String(page.body)).toContain('Later')
      expect(await outcomeOf(`page ${id}`)).toBe('closed')
      expect(await order(id)).toEqual([
        `list ${id}`,
        `released late ${id}`,
        `task-start layout ${id}`,
        `task-end layout ${id}`,
        `task-start page ${id}`,
        `task-end page ${id}`,
      ])
    })

    it('shares one list among its loaders', async () => {
      const id = newId('list')
      expect(await request(get(`/page?id=${id}&wait=layout%20${id}`))).toMatchObject({
        complete: true,
      })
      const events = await seen('task-start', `layout ${id}`)
      expect(events).toContainEqual({ type: 'list', id, length: 2 })
      await open(`task layout ${id}`)
      await seen('task-end', `page ${id}`)
      expect((await order(id)).slice(1)).toEqual([
        `task-start layout ${id}`,
        `released task layout ${id}`,
        `task-end layout ${id}`,
        `task-start page ${id}`,
        `task-end page ${id}`,
      ])
    })

    it('keeps its list from the requests beside it', async () => {
      const ids = [newId('apart'), newId('apart'), newId('apart')]
      const pages = await Promise.all(ids.map((id) => send(get(`/page?id=${id}&hold`))))
      for (const id of ids) await seen('held', `page ${id}`)
      for (const id of ids) await open(`loader ${id}`)
      for (const { response } of pages) expect(await response).toMatchObject({ complete: true })
      for (const id of ids) {
        expect(await outcomeOf(`page ${id}`)).toBe('closed')
        expect(await seen('list', id)).toContainEqual({ type: 'list', id, length: 2 })
      }
    })

    it('is sent before the task of its action, whose own wrap joins the list', async () => {
      const id = newId('action')
      const file = join(folder, id)
      const page = await request(get(`/page?id=${id}&block=${file}`, post))
      expect(page).toMatchObject({ status: 200, complete: true })
      expect(String(page.body)).toContain('At once')
      await writeFile(file, '')
      await seen('task-end', `page ${id}`)
      expect((await order(id)).filter((event) => event.startsWith('task-end'))).toEqual([
        `task-end action ${id}`,
        `task-end layout ${id}`,
        `task-end page ${id}`,
      ])
      expect(await seen('list', id)).toContainEqual({ type: 'list', id, length: 3 })
    })

    it('runs them after a thrown redirect', async () => {
      const id = newId('redirect')
      const page = await request(get(`/page?id=${id}&answer=redirect`))
      expect(page).toMatchObject({ status: 302, complete: true })
      expect(page.headers).toContainEqual(['location', '/elsewhere'])
      expect(await outcomeOf(`layout ${id}`)).toBe('closed')
      expect(await outcomeOf(`page ${id}`)).toBe('closed')
    })

    it('runs them after the error page of a thrown 404', async () => {
      const id = newId('missing')
      const file = join(folder, id)
      const page = await request(get(`/page?id=${id}&answer=missing&block=${file}`))
      expect(page).toMatchObject({ status: 404, complete: true })
      expect(String(page.body)).toContain('Answered 404')
      await writeFile(file, '')
      const events = await seen('task-end', `page ${id}`)
      expect(events).toContainEqual(expect.objectContaining({ id: `page ${id}`, result: 'seen' }))
    })

    it('runs them after the error page of a loader that throws', async () => {
      const id = newId('error')
      const page = await request(get(`/page?id=${id}&answer=error`))
      expect(page).toMatchObject({ status: 500, complete: true })
      expect(await outcomeOf(`page ${id}`)).toBe('closed')
    })

    it('runs them after a HEAD request', async () => {
      const id = newId('head')
      expect(await request(get(`/page?id=${id}`, { method: 'HEAD' }))).toMatchObject({
        status: 200,
      })
      expect(await outcomeOf(`layout ${id}`)).toBe('closed')
      expect(await outcomeOf(`page ${id}`)).toBe('closed')
    })

    it('runs them for a client that left before the loaders had returned', async () => {
      const id = newId('early')
      const { socket } = await send(get(`/page?id=${id}&hold`))
      await seen('held', `layout ${id}`)
      await seen('held', `page ${id}`)
      socket.destroy()
      await seen('aborted', `page ${id}`)
      await open(`loader ${id}`)
      expect(await outcomeOf(`layout ${id}`)).toBe('cancelled')
      expect(await outcomeOf(`page ${id}`)).toBe('cancelled')
    })

    it('runs them for a client that left while a part of it was still to come', async () => {
      const id = newId('left')
      const exchange = await send(get(`/page?id=${id}&answer=deferred`, post))
      await bodyStarted(exchange, 'Waiting')
      exchange.socket.destroy()
      for (const name of ['action', 'layout', 'page']) {
        expect(await outcomeOf(`${name} ${id}`)).toBe('cancelled')
      }
      await open(`late ${id}`)
    })

    if (framework.isCompressed) {
      it('is the same when it is compressed', async () => {
        const id = newId('gzip')
        const file = join(folder, id)
        const page = await request(
          get(`/page?id=${id}&block=${file}`, { headers: { 'accept-encoding': 'gzip' } }),
        )
        expect(page).toMatchObject({ status: 200, complete: true })
        expect(page.headers).toContainEqual(['content-encoding', 'gzip'])
        await writeFile(file, '')
        const events = await seen('task-end', `page ${id}`)
        expect(events).toContainEqual(expect.objectContaining({ id: `page ${id}`, result: 'seen' }))
      })
    }
  })

  describe('the data of a page, asked for by its own links', () => {
    it('is sent before the tasks start', async () => {
      const id = newId('data')
      const exchange = await send(get(framework.data(`/page?id=${id}&answer=deferred`)))
      await bodyStarted(exchange, 'text')
      await open(`late ${id}`)
      const data = await exchange.response
      expect(data).toMatchObject({ status: 200, complete: true })
      expect(String(data.body)).toContain('Later')
      expect(await outcomeOf(`page ${id}`)).toBe('closed')
      expect((await order(id)).slice(0, 3)).toEqual([
        `list ${id}`,
        `released late ${id}`,
        `task-start layout ${id}`,
      ])
    })

    it('is sent before the task of an action, even when it blocks the thread', async () => {
      const id = newId('data-action')
      const file = join(folder, id)
      const data = await request(get(framework.data(`/page?id=${id}&block=${file}`), post))
      expect(data).toMatchObject({ status: 200, complete: true })
      await writeFile(file, '')
      const events = await seen('task-end', `action ${id}`)
      expect(events).toContainEqual(expect.objectContaining({ id: `action ${id}`, result: 'seen' }))
    })

    it('runs them after a thrown redirect', async () => {
      const id = newId('data-redirect')
      const data = await request(get(framework.data(`/page?id=${id}&answer=redirect`)))
      expect(data).toMatchObject({ status: 202, complete: true })
      expect(String(data.body)).toContain('/elsewhere')
      expect(await outcomeOf(`layout ${id}`)).toBe('closed')
      expect(await outcomeOf(`page ${id}`)).toBe('closed')
    })
  })

  it('sends the welcome of the guide after its redirect', async () => {
    const response = await request(get('/signup', { ...post, body: 'email=ada%40example.com' }))
    expect(response).toMatchObject({ status: 302 })
    const events = await seen('welcome-sent', 'ada@example.com')
    expect(events.filter(({ id }) => id === 'ada@example.com').map(({ type }) => type)).toEqual([
      'user-created',
      'welcome-sent',
    ])
  })

  it('has run each task of each page once', async () => {
    const id = newId('last')
    await request(get(`/page?id=${id}`))
    await seen('task-end', `page ${id}`)
    const names = (await server().until(() => true))
      .filter((event) => event.type === 'task-start')
      .map((event) => event.id ?? '')
      .filter((name) => name.includes(' '))
    expect(names).toEqual([...new Set(names)])
    const pages = used.filter((name) => !name.startsWith('data-action'))
    expect(names.filter((name) => name.startsWith('page ')).toSorted()).toEqual(
      pages.map((name) => `page ${name}`).toSorted(),
    )
  })
}

/** What a resource route has to say of its source, in an app with or without a provider. */
export function itTellsOfAFailingSource(server: () => ServerProcess): void {
  it('runs a task after a source that fails, and cuts the response', async () => {
    const { port, until } = server()
    const id = 'cut'
    const exchange = await send({ port, path: `/text?id=${id}&answer=failing` })
    await bodyStarted(exchange, 'first,')
    await request({ port, path: `/release?gate=fail%20${id}` })
    expect(await exchange.response).toMatchObject({ status: 200, complete: false })
    const isEnd = (event: ServerEvent): boolean =>
      event.type === 'task-end' && event.id === `text ${id}`
    const ends = (await until((all) => all.some(isEnd))).filter(isEnd)
    expect(ends).toEqual([expect.objectContaining({ outcome: 'errored' })])
  })
}

/** SIGTERM while a task waits for a file: the process ends by itself when the task has ended. */
export function itFinishesItsTasks(start: () => Promise<ServerProcess>): void {
  it('lets a task end that was under way when the process was told to', async () => {
    const server = await start()
    const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
    const file = join(folder, 'end')
    const { port, child } = server
    expect(await request({ port, path: `/text?id=last&poll=${file}` })).toMatchObject({
      complete: true,
    })
    await server.until((all) => all.some(({ type }) => type === 'task-start'))
    child.kill('SIGTERM')
    await refused(port)
    await writeFile(file, '')
    expect(await server.exited).toBe(0)
    expect(await server.until(() => true)).toContainEqual(
      expect.objectContaining({ type: 'task-end', id: 'text last' }),
    )
    await rm(folder, { recursive: true })
  })
}

async function refused(port: number): Promise<void> {
  try {
    ;(await send({ port })).socket.destroy()
  } catch {
    return
  }
  await setTimeout(10)
  await refused(port)
}
