import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exchange, type RawRequest, request, send } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'

/** A path of the app that answers with `answer()` of scenario.ts, through one function of ours. */
interface Mount {
  readonly path: string
  /** What the handler is written with: `withBackgroundTasks()`. */
  readonly api: string
  /** What ends a request whose handler throws: 'thrown' where it goes through our wrapper, 'closed'
   * where the framework has made a page of it before. Without a wrapper there is nothing to run. */
  readonly thrown?: 'thrown' | 'closed'
  /** What the framework does with the body for a client that left before the handler returned. */
  readonly early?: 'cancelled' | 'closed'
}

/** The promises that hold in every framework, each asked of a running app over a real socket. */
export function itKeepsItsPromises(server: () => ServerProcess, mounts: readonly Mount[]): void {
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
  const ended = async (id: string): Promise<ServerEvent> => {
    const isEnd = (event: ServerEvent): boolean => event.type === 'task-end' && event.id === id
    const [end = { type: 'none' }] = (await server().until((all) => all.some(isEnd))).filter(isEnd)
    return end
  }
  const events = (): Promise<ServerEvent[]> => server().until(() => true)

  describe.each(mounts)('$api', ({ path, thrown, early = 'cancelled' }) => {
    const url = (name: string, id: string): string => `${path}?case=${name}&id=${id}`
    const at = (name: string, id: string, more: Partial<RawRequest> = {}): RawRequest => ({
      port: server().port,
      path: url(name, id),
      ...more,
    })
    const open = (id: string): Promise<unknown> => request(at('open', id))

    it('runs a task once a JSON response has been sent', async () => {
      const id = newId('json')
      const response = await request(at('json', id))
      expect(response).toMatchObject({ status: 200, complete: true })
      expect(response.headers).toContainEqual(['x-case', 'json'])
      expect(JSON.parse(String(response.body))).toEqual({ id })
      expect(await ended(id)).toMatchObject({ outcome: 'closed' })
    })

    it('starts it only after the last chunk of a stream', async () => {
      const id = newId('stream')
      const exchange = await send(at('stream', id))
      await bodyStarted(exchange, 'first,')
      await oneMoreTask(server(), url('json', newId('after-first-chunk')))
      expect(await events()).not.toContainEqual(expect.objectContaining({ id }))
      await open(id)
      const response = await exchange.response
      expect(response).toMatchObject({ status: 200, complete: true })
      expect(String(response.body)).toBe('first,last')
      expect(await ended(id)).toMatchObject({ outcome: 'closed' })
      const order = (await events()).filter((event) => event.id === id).map(({ type }) => type)
      expect(order).toEqual(['source-closed', 'task-start', 'task-end'])
    })

    it('runs it after a HEAD request, whatever became of the body', async () => {
      const [id, streamed] = [newId('head'), newId('head-stream')]
      const response = await request(at('json', id, { method: 'HEAD' }))
      expect(response).toMatchObject({ status: 200 })
      expect(response.headers).toContainEqual(['x-case', 'json'])
      expect(await ended(id)).toMatchObject({ outcome: 'closed' })
      await open(streamed)
      expect(await request(at('stream', streamed, { method: 'HEAD' }))).toMatchObject({
        status: 200,
      })
      expect(await ended(streamed)).toMatchObject({ outcome: 'closed' })
    })

    it('runs the task of a POST action', async () => {
      const id = newId('action')
      const response = await request(
        at('action', id, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            // A form of the app's own site, to the frameworks that look.
            origin: `http://127.0.0.1:${server().port}`,
            'x-forwarded-proto': 'http',
          },
          body: 'email=ada%40example.com',
        }),
      )
      expect(response).toMatchObject({ status: 202, complete: true })
      expect(await ended(id)).toMatchObject({ outcome: 'closed', result: 'ada@example.com' })
    })

    it('runs the task of a redirect', async () => {
      const id = newId('redirect')
      const response = await request(at('redirect', id))
      expect(response).toMatchObject({ status: 303 })
      expect(response.headers).toContainEqual(['location', '/elsewhere'])
      expect(await ended(id)).toMatchObject({ outcome: 'closed' })
    })

    if (thrown !== undefined) {
      it('knows how a handler ended that throws', async () => {
        const id = newId('throw')
        expect(await request(at('throw', id))).toMatchObject({ status: 500, complete: true })
        const [wanted, unwanted] =
          thrown === 'thrown' ? ['task-thrown', 'task-start'] : ['task-end', 'task-thrown']
        const seen = await server().until((all) =>
          all.some((event) => event.id === id && event.type === wanted),
        )
        expect(seen).toContainEqual(expect.objectContaining({ type: wanted, id, outcome: thrown }))
        expect(seen).not.toContainEqual(expect.objectContaining({ type: unwanted, id }))
      })
    }

    it('runs it for a client that left before the handler returned', async () => {
      const id = newId('early')
      const { socket } = await send(at('early', id))
      await server().until((all) =>
        all.some((event) => event.type === 'entered' && event.id === id),
      )
      socket.destroy()
      await server().until((all) =>
        all.some((event) => event.type === 'aborted' && event.id === id),
      )
      await open(id)
      expect(await ended(id)).toMatchObject({ outcome: early })
    })

    it('cancels the source and runs it for a client that left mid-stream', async () => {
      const id = newId('endless')
      const exchange = await send(at('endless', id))
      await bodyStarted(exchange, 'more,')
      exchange.socket.destroy()
      expect(await ended(id)).toMatchObject({ outcome: 'cancelled' })
      await server().until((all) =>
        all.some((event) => event.type === 'source-cancelled' && event.id === id),
      )
    })

    it('does not hold back the response for a task that takes long', async () => {
      const id = newId('slow')
      expect(await request(at('slow-task', id))).toMatchObject({ status: 200, complete: true })
      expect(await request(at('json', newId('meanwhile')))).toMatchObject({ complete: true })
      await open(id)
      await ended(id)
    })

    it('does not hold back the response for a task that blocks the thread', async () => {
      const id = newId('blocking')
      const file = join(folder, id)
      const query = `${url('blocking-task', id)}&file=${file}`
      const response = await request({ port: server().port, path: query })
      expect(response).toMatchObject({ status: 200, complete: true })
      await writeFile(file, '')
      expect(await ended(id)).toMatchObject({ result: 'seen' })
    })

    it('gives each of many parallel requests its own list', async () => {
      const ids = Array.from({ length: 20 }, () => newId('shared'))
      const responses = await Promise.all(ids.map((id) => request(at('shared', id))))
      const bodies = responses.map(({ body }) => JSON.parse(String(body)))
      expect(bodies).toEqual(ids.map((id) => ({ id, size: 2 })))
      const isSecond = ({ type, id }: ServerEvent): boolean =>
        type === 'second' && id !== undefined && ids.includes(id)
      const seen = await server().until((all) => all.filter(isSecond).length >= ids.length)
      const seconds = seen.filter(isSecond).map(({ id }) => id)
      expect(seconds.toSorted()).toEqual(ids.toSorted())
    })
  })

  it('has run no task twice', async () => {
    const starts = (await events()).filter(({ type }) => type === 'task-start').map(({ id }) => id)
    expect(starts).toEqual([...new Set(starts)])
    const expected = used.filter((id) => !id.startsWith('throw-'))
    expect(starts.filter((id) => !id?.startsWith('throw-')).toSorted()).toEqual(expected.toSorted())
  })
}

/** Starts a program of the documentation and asks it for what it says it does. */
export function itRunsTheExample(name: string, command: readonly string[]): void {
  it(`${name} notifies in the background`, async () => {
    const server = await startServer(command)
    await itNotifies(server).finally(() => server.stop())
  })
}

/** What each example of the documentation does. */
export async function itNotifies(server: ServerProcess): Promise<void> {
  const response = await request({
    port: server.port,
    path: '/notify',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com' }),
  })
  expect(response).toMatchObject({ status: 200, complete: true })
  expect(JSON.parse(String(response.body))).toEqual({
    message: 'Notification sent in the background',
  })
  const printed = 'notification for ada@example.com: some notification\n'
  await server.until(() => server.output().includes(printed))
  expect(server.output().split(printed)).toHaveLength(2)
}

/** Asks for one more task and waits for it: what was due before has run then. */
export async function oneMoreTask({ port, until }: ServerProcess, path: string): Promise<void> {
  await request({ port, path })
  const id = new URLSearchParams(path.split('?')[1]).get('id')
  await until((all) => all.some((event) => event.type === 'task-end' && event.id === id))
}

/** Resolves when `text` of the body has arrived. */
export async function bodyStarted({ socket }: Exchange, text: string): Promise<void> {
  const arrived = Promise.withResolvers<void>()
  let all = ''
  socket.on('data', (chunk) => {
    all += chunk.toString('latin1')
    if (all.includes(text)) arrived.resolve()
  })
  await arrived.promise
}
