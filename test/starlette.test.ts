/**
 * Starlette's own tests of its background tasks, and those of its neighbours, each under its
 * original name. A test client there is a real server and a real socket here; a hand-made `send()`
 * or `receive()` is a reader of the wrapped body here.
 *
 * Restated, because ASGI has no counterpart in Fetch:
 * - `http.disconnect` and a failing `send()` are a body that is cancelled, or a socket that closes.
 * - `http.response.pathsend` is a host that sends the file itself and tells with `completed`.
 * - `websocket.http.response.*` is the ordinary answer to an upgrade that is refused.
 * - `BaseHTTPMiddleware` is a function around the handler, which it calls as `next()`.
 * - What Starlette raises to its server is told here by `finished`, `run()` and `onError`.
 * - Keyword arguments are one options object.
 *
 * Not ported: `test_poll_for_disconnect_repeated` and the `test_read_request_*` tests, which are
 * about the messages of a request that two layers read; a `Request` belongs to its host here.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createReadStream, openAsBlob } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  BackgroundTaskError,
  BackgroundTasks,
  drain,
  type TaskContext,
  withBackgroundTasks,
} from '../src/index.ts'
import { bodyOf, readerOf, readRest, readUntil } from './support/body.ts'
import { type RawRequest, request as exchange, send } from './support/client.ts'
import { newGate } from './support/gate.ts'
import { serve } from './support/serve.ts'

const plain = { headers: { 'content-type': 'text/plain' } }

afterEach(() => {
  vi.restoreAllMocks()
})

/** A task that notes how the response of its list ended. */
function noteOutcome(): { run: (context: TaskContext) => void; seen: TaskContext[] } {
  const seen: TaskContext[] = []
  return { run: (context) => void seen.push(context), seen }
}

/** The numbers as `first, ..., last`, a piece a turn of the event loop. */
async function* numbers(first: number, last: number): AsyncGenerator<string> {
  for (let number = first; number <= last; number += 1) {
    yield String(number)
    if (number !== last) yield ', '
    await nextTurn()
  }
}

/** The numbers from 1 to 5, with nothing to wait for. */
function* syncNumbers(): Generator<string> {
  for (let number = 1; number <= 5; number += 1) {
    yield String(number)
    if (number !== 5) yield ', '
  }
}

/** A task that fills a string with numbers. */
function newFiller(): {
  fill: (range: { start: number; stop: number }) => Promise<void>
  text: string
} {
  const filler = {
    text: '',
    fill: async ({ start, stop }: { start: number; stop: number }) => {
      for await (const part of numbers(start, stop)) filler.text += part
    },
  }
  return filler
}

/** A file of 14,000 bytes in a folder of its own, until the end of the test. */
async function newFile(): Promise<{
  path: string
  content: string
  headers: Record<string, string>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'xyz')
  const content = '<file content>'.repeat(1000)
  await writeFile(path, content)
  const { mtime, size } = await stat(path)
  const headers = {
    'content-type': 'image/png',
    'content-disposition': 'attachment; filename="example.png"',
    'content-length': String(size),
    'last-modified': mtime.toUTCString(),
    etag: `"${mtime.getTime()}-${size}"`,
  }
  return { path, content, headers }
}

/** The headers of an answer, without those that a server adds by itself. */
async function headersOnTheWire(options: RawRequest): Promise<(readonly [string, string])[]> {
  const { headers } = await exchange(options)
  return headers.filter(([name]) => name !== 'date')
}

describe('tests/test_background.py', () => {
  it('test_async_task: completes after the body has been sent', async () => {
    const received = newGate()
    let isComplete = false
    const task = new BackgroundTask(async () => {
      await received.opened
      isComplete = true
    })
    const { url } = await serve(() => task.wrap(new Response('task initiated', plain)))

    const response = await fetch(url)
    expect(response.headers.get('content-type')).toBe('text/plain')
    expect(await response.text()).toBe('task initiated')
    expect(isComplete).toBe(false)
    received.open()
    await task.finished
    expect(isComplete).toBe(true)
  })

  it('test_sync_task: completes after the body has been sent', async () => {
    const received = newGate()
    let isComplete = false
    const task = new BackgroundTask(() => {
      isComplete = true
    })
    async function* body(): AsyncGenerator<string> {
      yield 'task '
      await received.opened
      yield 'initiated'
    }
    const { url } = await serve(() => task.wrap(new Response(bodyOf(body()), plain)))

    const response = await fetch(url)
    expect(response.headers.get('content-type')).toBe('text/plain')
    const reader = readerOf(response)
    expect(await readUntil(reader, 'task ')).toBe('task ')
    expect(isComplete).toBe(false)
    received.open()
    expect(await readRest(reader)).toBe('initiated')
    await task.finished
    expect(isComplete).toBe(true)
  })

  it('test_multiple_tasks: runs each with its own arguments', async () => {
    let counter = 0
    const increment = ({ amount }: { amount: number }): void => void (counter += amount)
    const tasks = new BackgroundTasks()
    const { url } = await serve(() => {
      tasks.addTask(increment, { amount: 1 })
      tasks.addTask(increment, { amount: 2 })
      tasks.addTask(increment, { amount: 3 })
      return tasks.wrap(new Response('tasks initiated', plain))
    })

    const response = await fetch(url)
    expect(await response.text()).toBe('tasks initiated')
    await tasks.finished
    expect(counter).toBe(1 + 2 + 3)
  })

  it('test_multi_tasks_failure_avoids_next_execution: stops, tells the error, keeps the body', async () => {
    let counter = 0
    const failure = new Error('task failed')
    function increment(): void {
      counter += 1
      if (counter === 1) throw failure
    }
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([], { onError })
    const { url } = await serve(() => {
      tasks.addTask(increment)
      tasks.addTask(increment)
      return tasks.wrap(new Response('tasks initiated', plain))
    })

    const response = await fetch(url)
    expect(await response.text()).toBe('tasks initiated')
    expect(await tasks.finished).toMatchObject([{ status: 'rejected' }, { status: 'skipped' }])
    await expect(tasks.run()).rejects.toThrow('task failed')
    expect(counter).toBe(1)
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.lastCall?.[0]).toMatchObject({ cause: failure, skipped: ['increment'] })
  })
})

describe('tests/test_responses.py', () => {
  it('test_streaming_response: fills only after the end of the stream', async () => {
    const received = newGate()
    const filler = newFiller()
    const task = new BackgroundTask(filler.fill, { start: 6, stop: 9 })
    async function* body(): AsyncGenerator<string> {
      for await (const part of numbers(1, 5)) {
        if (part === '5') await received.opened
        yield part
      }
    }
    const { url } = await serve(() => task.wrap(new Response(bodyOf(body()), plain)))

    expect(filler.text).toBe('')
    const response = await fetch(url)
    const reader = readerOf(response)
    const beginning = await readUntil(reader, '4, ')
    expect(filler.text).toBe('')
    received.open()
    expect(beginning + (await readRest(reader))).toBe('1, 2, 3, 4, 5')
    await task.finished
    expect(filler.text).toBe('6, 7, 8, 9')
  })

  it('test_file_response: sends the file and every header of it, then fills', async () => {
    const { path, content, headers } = await newFile()
    const filler = newFiller()
    const task = new BackgroundTask(filler.fill, { start: 6, stop: 9 })
    const answer = async (): Promise<Response> => new Response(await openAsBlob(path), { headers })
    const { port } = await serve(async (request) =>
      request.url.endsWith('/bare') ? answer() : task.wrap(await answer()),
    )

    expect(filler.text).toBe('')
    const bare = await exchange({ port, path: '/bare' })
    const response = await exchange({ port })
    expect(response.status).toBe(200)
    expect(String(response.body)).toBe(content)
    const sent = Object.fromEntries(response.headers)
    expect(sent).toMatchObject(headers)
    expect({ ...sent, date: '' }).toEqual({ ...Object.fromEntries(bare.headers), date: '' })
    await task.finished
    expect(filler.text).toBe('6, 7, 8, 9')
  })

  it.each([403, 426])(
    'test_streaming_response_runs_background_on_websocket_scope: %i, one chunk, end, then the task',
    async (status) => {
      const received = newGate()
      const run = vi.fn<() => void>()
      const task = new BackgroundTask(run)
      async function* body(): AsyncGenerator<string> {
        yield 'chunk'
        await received.opened
      }
      const { port } = await serve(() => task.wrap(new Response(bodyOf(body()), { status })))

      const upgrade = { connection: 'upgrade', upgrade: 'websocket' }
      const { response, received: receive } = await send({ port, headers: upgrade })
      await receive(1)
      expect(run).not.toHaveBeenCalled()
      received.open()
      expect(await response).toMatchObject({ status, complete: true, body: Buffer.from('chunk') })
      await task.finished
      expect(run).toHaveBeenCalledOnce()
    },
  )

  it('test_streaming_response_stops_if_receiving_http_disconnect: asks the source for no more', async () => {
    const stopped = newGate()
    const note = noteOutcome()
    let pulls = 0
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) {
          await nextTurn()
          pulls += 1
          yield 'chunk '
        }
      } finally {
        stopped.open()
      }
    }
    const task = new BackgroundTask({ run: note.run })
    const { url } = await serve(() => task.wrap(new Response(bodyOf(endless()))))

    const reader = readerOf(await fetch(url))
    await readUntil(reader, 'chunk chunk chunk ')
    await reader.cancel()
    await stopped.opened
    const pullsUntilThen = pulls
    expect(await task.finished).toMatchObject({ outcome: 'cancelled', status: 'fulfilled' })
    expect(note.seen).toHaveLength(1)
    await nextTurn()
    expect(pulls).toBe(pullsUntilThen)
  })

  it('test_streaming_response_on_client_disconnects: passes the reason to the source, once', async () => {
    const reason = new DOMException('The client went away', 'AbortError')
    const cancel = vi.fn<(reason: unknown) => void>()
    const note = noteOutcome()
    const task = new BackgroundTask({ run: note.run })
    const source = new ReadableStream(
      { pull: (controller) => controller.enqueue('chunk'), cancel },
      { highWaterMark: 0 },
    )
    const chunks: unknown[] = []
    const client = new WritableStream({
      write(chunk) {
        if (chunks.length === 1) throw reason
        chunks.push(chunk)
      },
    })

    const wrapped = task.wrap(new Response(source))
    await expect(wrapped.body?.pipeTo(client)).rejects.toBe(reason)
    await task.finished
    expect(chunks).toEqual(['chunk'])
    expect(cancel).toHaveBeenCalledExactlyOnceWith(reason)
    expect(note.seen).toMatchObject([{ outcome: 'cancelled', reason }])
  })

  const heads: readonly { name: string; status: number; headers: Record<string, string> }[] = [
    { name: 'test_head_method', status: 200, headers: { 'content-type': 'text/plain' } },
    {
      name: 'test_file_response_on_head_method',
      status: 200,
      headers: {
        'content-type': 'image/png',
        'content-length': '14000',
        'content-disposition': 'attachment; filename="example.png"',
        'last-modified': 'Wed, 30 Jul 2026 10:00:00 GMT',
        etag: '"abc"',
      },
    },
    {
      name: 'test_file_response_head',
      status: 200,
      headers: { 'content-type': 'text/plain', 'content-length': '526', 'accept-ranges': 'bytes' },
    },
    {
      name: 'test_file_response_range_head',
      status: 206,
      headers: { 'content-length': '101', 'content-range': 'bytes 0-100/526' },
    },
    {
      name: 'test_file_response_range_multi_head',
      status: 206,
      headers: {
        'content-length': '439',
        'content-range': 'multipart/byteranges; boundary=1a2b3c',
      },
    },
  ]
  it.each(heads)('$name: no body, the headers as they were, the task once', async (head) => {
    const { status, headers } = head
    const run = vi.fn<() => void>()
    const answer = (): Response =>
      new Response('a'.repeat(Number(headers['content-length'] ?? 12)), { status, headers })
    const finishedTasks: Promise<unknown>[] = []
    const { port } = await serve((request) => {
      if (request.url.endsWith('/bare')) return answer()
      const task = new BackgroundTask(run)
      finishedTasks.push(task.finished)
      return task.wrap(answer(), { request })
    })

    const bare = await headersOnTheWire({ port, method: 'HEAD', path: '/bare' })
    const response = await exchange({ port, method: 'HEAD' })
    expect(response.status).toBe(status)
    expect(response.body).toHaveLength(0)
    expect(Object.fromEntries(response.headers)).toMatchObject(headers)
    expect(response.headers.filter(([name]) => name !== 'date')).toEqual(bare)
    await Promise.all(finishedTasks)
    // A second one ends, so the first would have had its time to run twice.
    await exchange({ port, method: 'HEAD' })
    await Promise.all(finishedTasks)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it.each([
    ['test_empty_204_response', (): Response => new Response(null, { status: 204 })],
    ['test_empty_response', (): Response => new Response()],
  ])('%s: adds no length, no type and no body', async (_, answer) => {
    const run = vi.fn<() => void>()
    const task = new BackgroundTask(run)
    const { port } = await serve((request) =>
      request.url.endsWith('/bare') ? answer() : task.wrap(answer()),
    )

    const bare = await headersOnTheWire({ port, path: '/bare' })
    const wrapped = await exchange({ port })
    expect(wrapped.headers.filter(([name]) => name !== 'date')).toEqual(bare)
    expect(wrapped.headers.map(([name]) => name)).not.toContain('content-type')
    expect(wrapped.body).toHaveLength(0)
    expect(await task.finished).toMatchObject({ outcome: 'closed' })
    expect(run).toHaveBeenCalledOnce()
  })

  it('test_file_response_with_pathsend: runs when the host that sends the file says so', async () => {
    const { path, content, headers } = await newFile()
    const received = newGate()
    const run = vi.fn<() => Promise<void>>(() => received.opened)
    const task = new BackgroundTask(run)
    let untouched: [Response, Response] | undefined
    // Such a server looks at the headers, and leaves the body to the operating system.
    const server = createServer((_, outgoing) => {
      const response = new Response('the path of the file', { headers })
      const wrapped = task.wrap(response, { completed: finished(outgoing) })
      untouched = [response, wrapped]
      outgoing.writeHead(wrapped.status, Object.fromEntries(wrapped.headers))
      createReadStream(path).pipe(outgoing)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo

    // Its length tells the client that the file is whole before the server has ended it: a client
    // that hung up right then would have gone away.
    const client = await send({ port })
    onTestFinished(() => void client.socket.destroy())
    const response = await client.response
    expect(response).toMatchObject({ complete: true, body: Buffer.from(content) })
    expect(untouched?.[1]).toBe(untouched?.[0])
    expect(untouched?.[0].bodyUsed).toBe(false)
    received.open()
    expect(await task.finished).toMatchObject({ outcome: 'closed', status: 'fulfilled' })
    expect(run).toHaveBeenCalledOnce()
  })
})

describe('tests/middleware/test_base.py', () => {
  type Next = () => Response | Promise<Response>
  const passThrough = async (next: Next): Promise<Response> => await next()
  const copy = async (next: Next): Promise<Response> => {
    const response = await next()
    return new Response(response.body, response)
  }
  const middlewares = { passThrough, copy }
  const names = ['passThrough', 'copy'] as const

  it.each(names)(
    'test_run_background_tasks_even_if_client_disconnects: below %s',
    async (middleware) => {
      const isGone = newGate()
      const task = new BackgroundTask(() => isGone.opened)
      const started = newGate()
      const { port } = await serve(() =>
        middlewares[middleware](() => {
          const tasks = new BackgroundTasks()
          tasks.addTask(() => started.open())
          tasks.addTask(task)
          return tasks.wrap(new Response('last chunk'))
        }),
      )

      const { response, socket } = await send({ port })
      await response
      socket.destroy()
      await once(socket, 'close')
      await started.opened
      expect(task.status).toBe('running')
      isGone.open()
      expect(await task.finished).toMatchObject({ status: 'fulfilled' })
    },
  )

  it.each(names)(
    'test_run_background_tasks_raise_exceptions: swallows nothing below %s',
    async (middleware) => {
      const failure = new TypeError('TEST')
      const onError = vi.fn<(error: BackgroundTaskError) => void>()
      const tasks = new BackgroundTasks([], { onError })
      const { url } = await serve(() =>
        middlewares[middleware](() => {
          tasks.addTask(async () => {
            await nextTurn()
            throw failure
          })
          return tasks.wrap(new Response(''))
        }),
      )

      const response = await fetch(url)
      expect(await response.text()).toBe('')
      expect(await tasks.finished).toMatchObject([{ status: 'rejected', error: failure }])
      expect(onError).toHaveBeenCalledOnce()
      expect(onError.mock.lastCall?.[0].cause).toBe(failure)
      await expect(tasks.run()).rejects.toThrow('TEST')
    },
  )

  it.each(names)(
    'test_do_not_block_on_background_tasks: both are sent first below %s',
    async (middleware) => {
      const events: string[] = []
      const bothStarted = newGate()
      let running = 0
      async function work(): Promise<void> {
        events.push('started')
        running += 1
        if (running === 2) bothStarted.open()
        await bothStarted.opened
        events.push('finished')
      }
      const answer = async (): Promise<BackgroundTask> => {
        const task = new BackgroundTask(work)
        const response = await middlewares[middleware](() => task.wrap(new Response('Hello')))
        events.push(await response.text(), 'end')
        return task
      }

      const tasks = await Promise.all([answer(), answer()])
      await Promise.all(tasks.map((task) => task.finished))
      expect(events.join()).toBe('Hello,end,Hello,end,started,started,finished,finished')
    },
  )

  it('test_do_not_block_on_background_tasks: nor does a task hold the next request of its socket', async () => {
    const bothAnswered = newGate()
    const tasks: BackgroundTask[] = []
    const { url } = await serve(() => {
      const task = new BackgroundTask(() => bothAnswered.opened)
      tasks.push(task)
      return task.wrap(new Response('Hello'))
    })

    // Held up until the end of the first task, the second answer would never come.
    expect(await (await fetch(url)).text()).toBe('Hello')
    expect(await (await fetch(url)).text()).toBe('Hello')
    bothAnswered.open()
    await Promise.all(tasks.map((task) => task.finished))
  })

  it('test_run_context_manager_exit_even_if_client_disconnects: finally, task and cleanup', async () => {
    const entered = newGate()
    const isGone = newGate()
    const exited = newGate()
    const done: string[] = []
    const tasks = new BackgroundTasks()
    const { port } = await serve(async (request) => {
      request.signal.addEventListener('abort', () => isGone.open())
      try {
        entered.open()
        tasks.defer(async () => {
          await nextTurn()
          done.push('cleanup')
        })
        tasks.addTask(async () => {
          await nextTurn()
          done.push('task')
        })
        return tasks.wrap(new Response('nobody reads it'), { request })
      } finally {
        await isGone.opened
        done.push('finally')
        exited.open()
      }
    })

    const { socket } = await send({ port })
    await entered.opened
    socket.destroy()
    expect(await tasks.finished).toMatchObject([{ status: 'fulfilled', outcome: 'cancelled' }])
    await exited.opened
    expect(done.filter((step) => step !== 'finally')).toEqual(['task', 'cleanup'])
    expect(done).toContain('finally')
  })

  describe('test_multiple_middlewares_stacked_client_disconnected', () => {
    const versions = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

    /** Ten layers around the handler, each with a task of its own. */
    function stack(handler: Next): {
      next: (request: Request) => Promise<Response>
      events: string[]
      tasks: BackgroundTask[]
    } {
      const events: string[] = []
      const tasks: BackgroundTask[] = []
      let next: (request: Request) => Promise<Response> = async () => await handler()
      for (const version of [...versions].reverse()) {
        const inner = next
        next = async (request) => {
          events.push(`${version}:STARTED`)
          const response = await inner(request)
          events.push(`${version}:COMPLETED`)
          const task = new BackgroundTask(() => void events.push(`${version}:BACKGROUND`))
          tasks.push(task)
          return task.wrap(response, { request })
        }
      }
      return { next, events, tasks }
    }

    const inAndOut = [
      ...versions.map((version) => `${version}:STARTED`),
      ...[...versions].reverse().map((version) => `${version}:COMPLETED`),
    ]
    const background = [...versions].reverse().map((version) => `${version}:BACKGROUND`)

    it.each([
      ['an empty body', ''],
      ['no body', null],
    ])('runs the ten tasks once, the inner ones first, with %s', async (_, body) => {
      const headers = { 'content-length': '0' }
      const { next, events, tasks } = stack(() => new Response(body, { headers }))
      const { port } = await serve(next)

      const response = await exchange({ port })
      expect(response).toMatchObject({ status: 200, complete: true })
      expect(response.headers).toContainEqual(['content-length', '0'])
      expect(response.body).toHaveLength(0)
      await Promise.all(tasks.map((task) => task.finished))
      await drain()
      expect(events).toEqual([...inAndOut, ...background])
    })

    it('runs them too when the client has left before the handler answers', async () => {
      const entered = newGate()
      const answered = newGate()
      const { next, events, tasks } = stack(() => new Response(''))
      const { port } = await serve(async (request) => {
        entered.open()
        await once(request.signal, 'abort')
        const response = await next(request)
        answered.open()
        return response
      })

      const { socket } = await send({ port })
      await entered.opened
      socket.destroy()
      await answered.opened
      const results = await Promise.all(tasks.map((task) => task.finished))
      expect(results.map(({ outcome }) => outcome)).toEqual(Array(10).fill('cancelled'))
      expect(events).toEqual([...inAndOut, ...background])
    })
  })

  it.each(names)(
    'test_background_task_runs_after_response_sent_with_middleware: a slow client below %s',
    async (middleware) => {
      const events: string[] = []
      const task = new BackgroundTask(() => void events.push('task'))
      const gates = [newGate(), newGate(), newGate()]
      const client = new WritableStream({
        async write(chunk) {
          await gates[Number(chunk)]?.opened
          events.push(`sent ${chunk}`)
        },
      })

      const response = await middlewares[middleware](() => {
        const source = new ReadableStream({
          start(controller) {
            for (const chunk of ['0', '1', '2']) controller.enqueue(chunk)
            controller.close()
          },
        })
        return task.wrap(new Response(source))
      })
      const sent = response.body?.pipeTo(client)
      for (const gate of gates) {
        // A turn for what must not happen before the client has taken its chunk.
        await nextTurn()
        expect(events).not.toContain('task')
        gate.open()
      }
      await sent
      await task.finished
      expect(events).toEqual(['sent 0', 'sent 1', 'sent 2', 'task'])
    },
  )

  it('test_app_receives_http_disconnect_while_sending_if_discarded: the source is cancelled', async () => {
    const stopped = newGate()
    const note = noteOutcome()
    const task = new BackgroundTask({ run: note.run })
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) yield 'chunk '
      } finally {
        stopped.open()
      }
    }
    const { url } = await serve(async () => {
      const dropped = task.wrap(new Response(bodyOf(endless()), plain))
      const reader = readerOf(dropped)
      await reader.read()
      await reader.cancel()
      return new Response('Custom')
    })

    expect(await (await fetch(url)).text()).toBe('Custom')
    await stopped.opened
    await task.finished
    expect(note.seen).toMatchObject([{ outcome: 'cancelled' }])
  })

  it('test_app_receives_http_disconnect_after_sending_if_discarded: nobody reads it, the task runs', async () => {
    const task = new BackgroundTask(() => {})
    const { url } = await serve(() => {
      task.wrap(new Response('first chunk, second chunk', plain), { unreadTimeout: 1 })
      return new Response('Custom')
    })

    expect(await (await fetch(url)).text()).toBe('Custom')
    expect(await task.finished).toMatchObject({ outcome: 'unread', status: 'fulfilled' })
  })

  it('test_app_receives_http_disconnect_after_sending_if_discarded: below a provider it runs with the answer', async () => {
    const received = newGate()
    const task = new BackgroundTask(() => received.opened)
    const { url } = await serve(
      provideBackgroundTasks(() => {
        task.wrap(new Response('first chunk, second chunk', plain))
        return new Response('Custom')
      }),
    )

    expect(await (await fetch(url)).text()).toBe('Custom')
    received.open()
    expect(await task.finished).toMatchObject({ outcome: 'closed', status: 'fulfilled' })
  })

  it.each(names)(
    'test_contextvars: what %s and the handler set is seen further in and in the task',
    async (middleware) => {
      const storage = new AsyncLocalStorage<string>()
      const seen: (string | undefined)[] = []
      const task = new BackgroundTask(async () => {
        seen.push(storage.getStore())
        await nextTurn()
        seen.push(storage.getStore())
      })
      const { url } = await serve(() =>
        storage.run('set by middleware', () =>
          middlewares[middleware](() => {
            seen.push(storage.getStore())
            return storage.run('set by endpoint', () => task.wrap(new Response('Homepage')))
          }),
        ),
      )

      expect((await fetch(url)).status).toBe(200)
      await task.finished
      expect(seen).toEqual(['set by middleware', 'set by endpoint', 'set by endpoint'])
    },
  )

  it('test_exception_can_be_caught: the middleware answers, no task runs, nothing is told twice', async () => {
    const failure = new TypeError('TEST')
    const run = vi.fn<() => void>()
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const caught: unknown[] = []
    let tasks: BackgroundTasks | undefined
    const handler = withBackgroundTasks(
      (list) => {
        tasks = list
        list.addTask(run)
        throw failure
      },
      { onError },
    )
    const { url } = await serve(async () => {
      try {
        return await handler()
      } catch (error) {
        caught.push(error)
        return new Response('TEST', { status: 400 })
      }
    })

    const response = await fetch(url)
    expect(response.status).toBe(400)
    expect(await response.text()).toBe('TEST')
    expect(caught).toEqual([failure])
    expect(await tasks?.finished).toMatchObject([{ status: 'skipped', outcome: 'thrown' }])
    expect(run).not.toHaveBeenCalled()
    expect(onError).not.toHaveBeenCalled()
  })

  it('test_error_context_propagation: an error keeps its cause, thrown or failed', async () => {
    const cause = new Error('the root')
    const failure = new Error('the handler', { cause })
    const handler = withBackgroundTasks(async (): Promise<Response> => {
      throw failure
    })
    const thrown = await handler().catch((error: unknown) => error)
    expect(thrown).toBe(failure)
    expect(failure.cause).toBe(cause)

    const tasks = new BackgroundTasks([], { onError: () => {} })
    tasks.addTask(() => {
      throw failure
    })
    const error = await tasks.run().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BackgroundTaskError)
    expect(error).toMatchObject({ cause: failure })
    expect(failure.cause).toBe(cause)
  })
})

describe('tests/middleware/test_errors.py', () => {
  it('test_background_task: the answer stays, the error handler hears once, its answer is ignored', async () => {
    const failure = new Error('Something went wrong')
    const onError = vi.fn<(error: BackgroundTaskError) => Response>(
      () => new Response('Server Error', { status: 500 }),
    )
    const tasks = new BackgroundTasks([], { onError })
    const { url } = await serve(() => {
      tasks.addTask(() => {
        throw failure
      })
      return tasks.wrap(new Response(null, { status: 204 }))
    })

    const response = await fetch(url)
    expect(response.status).toBe(204)
    await tasks.finished
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.lastCall?.[0].cause).toBe(failure)
  })
})

describe('tests/test_templates.py', () => {
  /** A response class of an application: a template and its context. */
  class TemplateResponse extends Response {
    constructor(template: string, context: Record<string, string>, init: ResponseInit) {
      super(
        template.replaceAll(/\{\{ (\w+) \}\}/g, (_, name: string) => context[name] ?? ''),
        init,
      )
    }

    static of(options: { template: string; context: Record<string, string>; init: ResponseInit }) {
      return new TemplateResponse(options.template, options.context, options.init)
    }
  }

  const template = 'value: {{ a }}'
  const init = { status: 201, headers: { 'x-key': 'value', ...plain.headers } }

  it.each([
    [
      'test_templates_with_kwargs_only',
      (task: BackgroundTask) =>
        task.wrap(TemplateResponse.of({ template, context: { a: 'b' }, init })),
    ],
    [
      'test_templates_warns_when_first_argument_isnot_request',
      (task: BackgroundTask) => {
        const response = new TemplateResponse(template, { a: 'b' }, init)
        return task.wrap(response, {})
      },
    ],
    [
      'TestTemplatesArgsOnly.test_all_args',
      (task: BackgroundTask, request: Request) =>
        task.wrap(new TemplateResponse(template, { a: 'b' }, init), { request }),
    ],
    [
      'test_templates_when_first_argument_is_request',
      (task: BackgroundTask, request: Request) =>
        withBackgroundTasks((tasks, { method }: Request) => {
          tasks.addTask(task)
          return new TemplateResponse(template, { a: method === 'GET' ? 'b' : '' }, init)
        })(request),
    ],
  ])('%s: status, headers and body of a class of your own', async (_, answer) => {
    const spy = vi.fn<() => void>()
    const task = new BackgroundTask(spy)
    const { url } = await serve((request) => answer(task, request))

    const response = await fetch(url)
    expect(await response.text()).toBe('value: b')
    expect(response.status).toBe(201)
    expect(response.headers.get('x-key')).toBe('value')
    expect(response.headers.get('content-type')).toBe('text/plain')
    await task.finished
    expect(spy).toHaveBeenCalledOnce()
  })
})

describe('Litestar tests/unit/test_background_tasks.py', () => {
  it('test_background_tasks_regular_execution: in order', async () => {
    const values: number[] = []
    const extend = (numbersToAdd: number[]): void => void values.push(...numbersToAdd)
    const extendWith = ({ values: more }: { values: number[] }): void => void values.push(...more)
    const tasks = new BackgroundTasks([
      new BackgroundTask(extend, [1, 2, 3]),
      new BackgroundTask(extendWith, { values: [4, 5, 6] }),
    ])
    const { url } = await serve(() => tasks.wrap(new Response()))

    expect((await fetch(url)).status).toBe(200)
    await tasks.finished
    expect(values).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('test_background_tasks_task_group_execution: all at once', async () => {
    const values = new Set<number>()
    const bothRun = newGate()
    let running = 0
    const extend = async (numbersToAdd: number[]): Promise<void> => {
      running += 1
      if (running === 2) bothRun.open()
      await bothRun.opened
      for (const value of numbersToAdd) values.add(value)
    }
    const tasks = new BackgroundTasks(
      [new BackgroundTask(extend, [1, 2, 3]), new BackgroundTask(extend, [4, 5, 6])],
      { concurrency: Infinity },
    )
    const { url } = await serve(() => tasks.wrap(new Response()))

    expect((await fetch(url)).status).toBe(200)
    await tasks.finished
    expect(values).toEqual(new Set([1, 2, 3, 4, 5, 6]))
  })
})

describe('Litestar tests/unit/test_response/test_response_to_asgi_response.py', () => {
  const cookies = { 'response-header': 'abc' }
  const sse = { ...cookies, 'content-type': 'text/event-stream' }
  it.each([
    [
      'redirect',
      () => new Response(null, { status: 301, headers: { location: '/elsewhere' } }),
      '',
    ],
    ['file', () => new Response(new Blob(['file']), { headers: cookies }), 'file'],
    ['streaming', () => new Response(bodyOf(['1', '2', '3']), { headers: cookies }), '123'],
    ['template', () => new Response('<h1>hello world</h1>', plain), '<h1>hello world</h1>'],
    ['sse_events', () => new Response(bodyOf(['data: 1\n\n']), { headers: sse }), 'data: 1\n\n'],
  ])(
    'test_to_response_returning_%s_response: the task survives a response made of the response',
    async (_, answer, text) => {
      const run = vi.fn<() => void>()
      const task = new BackgroundTask(run)
      const tasks = new BackgroundTasks([task])
      const { port } = await serve(() => {
        const inner = tasks.wrap(answer())
        const outer = new Response(inner.body, inner)
        outer.headers.append('local-header', '123')
        outer.headers.append('set-cookie', 'general-cookie=xxx')
        outer.headers.append('set-cookie', 'redirect-cookie=aaa')
        return outer
      })

      const response = await exchange({ port })
      expect(tasks.tasks[0]).toBe(task)
      expect(String(response.body)).toBe(text)
      expect(response.headers).toEqual(
        expect.arrayContaining([
          ...answer().headers,
          ['local-header', '123'],
          ['set-cookie', 'general-cookie=xxx'],
          ['set-cookie', 'redirect-cookie=aaa'],
        ]),
      )
      await task.finished
      expect(run).toHaveBeenCalledOnce()
    },
  )
})

describe('Litestar tests/unit/test_response/test_streaming_response.py', () => {
  class CustomAsyncIterator implements AsyncIterableIterator<string> {
    #called = 0

    async next(): Promise<IteratorResult<string>> {
      if (this.#called === 5) return { done: true, value: undefined }
      this.#called += 1
      return { done: false, value: String(this.#called) }
    }

    [Symbol.asyncIterator](): this {
      return this
    }
  }
  const customIterable = {
    async *[Symbol.asyncIterator]() {
      for (let number = 1; number <= 5; number += 1) yield String(number)
    },
  }

  it.each([
    ['test_streaming_response', () => numbers(1, 5), '1, 2, 3, 4, 5'],
    ['test_streaming_response_custom_iterator', () => new CustomAsyncIterator(), '12345'],
    ['test_streaming_response_custom_iterable', () => customIterable, '12345'],
    ['test_sync_streaming_response', syncNumbers, '1, 2, 3, 4, 5'],
  ])('%s: the stream is whole, then the task fills', async (_, parts, text) => {
    const filler = newFiller()
    const task = new BackgroundTask(filler.fill, { start: 6, stop: 9 })
    const { url } = await serve(() => task.wrap(new Response(bodyOf(parts()), plain)))

    expect(await (await fetch(url)).text()).toBe(text)
    await task.finished
    expect(filler.text).toBe('6, 7, 8, 9')
  })
})

/** Whom the request asks to greet. */
function nameOf(request: Request): string {
  return new URL(request.url).searchParams.get('name') ?? ''
}

describe('Litestar docs/examples/responses', () => {
  const log: string[] = []
  const logging = async (identifier: string, options: { message: string }): Promise<void> => {
    log.push(`${identifier}: ${options.message}`)
  }

  afterEach(() => {
    log.length = 0
  })

  it('background_tasks_1: a task on the response', async () => {
    const { url } = await serve((request) => {
      const name = nameOf(request)
      const message = `was called with name ${name}`
      const task = new BackgroundTask(logging, 'greeter', { message })
      return task.wrap(Response.json({ hello: name }))
    })

    expect(await (await fetch(`${url}?name=Ada`)).json()).toEqual({ hello: 'Ada' })
    await drain()
    expect(log).toEqual(['greeter: was called with name Ada'])
  })

  it('background_tasks_2: a task of the route, a new one for each request', async () => {
    const { url } = await serve(
      withBackgroundTasks((tasks) => {
        tasks.addTask(logging, 'greeter', { message: 'was called' })
        return Response.json({ hello: 'world' })
      }),
    )

    expect(await (await fetch(url)).json()).toEqual({ hello: 'world' })
    expect(await (await fetch(url)).json()).toEqual({ hello: 'world' })
    await drain()
    expect(log).toEqual(['greeter: was called', 'greeter: was called'])
  })

  it('background_tasks_3: a list of tasks', async () => {
    const greeted = new Set<string>()
    const save = async (name: string): Promise<void> => void greeted.add(name)
    const { url } = await serve((request) => {
      const name = nameOf(request)
      const tasks = new BackgroundTasks([
        new BackgroundTask(logging, name, { message: 'was greeted' }),
        new BackgroundTask(save, name),
      ])
      return tasks.wrap(Response.json({ hello: name }))
    })

    expect(await (await fetch(`${url}?name=Ada`)).json()).toEqual({ hello: 'Ada' })
    await drain()
    expect(log).toEqual(['Ada: was greeted'])
    expect(greeted).toEqual(new Set(['Ada']))
  })
})

describe('Quart tests/test_background_tasks.py', () => {
  const currentApp = new AsyncLocalStorage<{ config: { data: string } }>()
  const app = { config: { data: 'data' } }

  it('test_background_task: has the context of the app, and the end of the app waits for it', async () => {
    const drained = newGate()
    let data: string | undefined
    const { url } = await serve((request) =>
      currentApp.run(app, () =>
        withBackgroundTasks((tasks, { url: answer }: Request) => {
          tasks.addTask(async () => {
            await drained.opened
            data = currentApp.getStore()?.config.data
          })
          return new Response(answer)
        })(request),
      ),
    )

    await fetch(url)
    const exit = drain()
    drained.open()
    expect(await exit).toMatchObject({ abandoned: [] })
    expect(data).toBe('data')
  })

  it('test_lifespan_background_task: a task of the start, without any request', async () => {
    const drained = newGate()
    let data: string | undefined
    const startup = new BackgroundTask(async () => {
      await drained.opened
      data = currentApp.getStore()?.config.data
    })
    void currentApp.run(app, () => startup.run())

    const exit = drain()
    drained.open()
    expect(await exit).toEqual({ finished: 1, abandoned: [] })
    expect(data).toBe('data')
  })

  it('test_sync_background_task: a sync one too', async () => {
    let data: string | undefined
    const { url } = await serve((request) =>
      currentApp.run(app, () =>
        withBackgroundTasks((tasks, { url: answer }: Request) => {
          tasks.addTask(() => {
            data = currentApp.getStore()?.config.data
          })
          return new Response(answer)
        })(request),
      ),
    )

    await fetch(url)
    await drain()
    expect(data).toBe('data')
  })
})

describe('Falcon tests/asgi/test_scheduled_callbacks.py', () => {
  it('test_multiple: counts every one, and refuses a promise in the place of a function', async () => {
    const counts = { async: 0, sync: 0 }
    const errors: unknown[] = []
    const amounts: Record<string, [number, number]> = { GET: [1, 20], POST: [1000, 2000] }
    const { url } = await serve(async (request) => {
      const [async, sync] = amounts[request.method] ?? [1000, 0]
      const asyncJob = async (): Promise<void> => void (counts.async += async)
      const syncJob = (): void => void (counts.sync += sync)
      const tasks = new BackgroundTasks()
      if (request.method === 'PUT') {
        const promise = asyncJob()
        counts.async -= async
        try {
          // A mistake that the types see as well.
          Reflect.apply(tasks.addTask, tasks, [promise])
        } catch (error) {
          errors.push(error)
          await promise
          throw error
        }
      }
      tasks.addTask(syncJob)
      tasks.addTask(asyncJob)
      tasks.addTask(syncJob)
      tasks.addTask(asyncJob)
      return tasks.wrap(new Response(''))
    })

    await fetch(url)
    await fetch(url, { method: 'POST' })
    await drain()
    expect(counts).toEqual({ async: 2002, sync: 4040 })

    expect((await fetch(url, { method: 'PUT' })).status).toBe(500)
    expect(errors).toMatchObject([{ name: 'TypeError' }])
    expect(String(errors[0])).toContain('promise')
    await drain()
    expect(counts).toEqual({ async: 2002, sync: 4040 })
  })

  const text = 'Hello, World!\n'
  const lines = ['One\n', 'Two\n', 'Three\n']
  const sse = { headers: { 'content-type': 'text/event-stream' } }
  it.each([
    ['GET', '/', () => new Response(text, plain), text],
    ['HEAD', '/', () => new Response(text, plain), ''],
    ['GET', '/sse', () => new Response(bodyOf([': ping\n\n']), sse), ': ping\n\n'],
    ['GET', '/stream', () => new Response(bodyOf(lines), plain), lines.join('')],
  ])('test_callback: %s %s calls it once', async (method, path, answer, expected) => {
    const called = newGate()
    const callback = vi.fn<() => void>(() => called.open())
    const { port } = await serve(
      withBackgroundTasks((tasks) => {
        tasks.addTask(callback)
        return answer()
      }),
    )

    const response = await exchange({ port, method, path })
    expect(response.status).toBe(200)
    expect(String(response.body)).toBe(expected)
    await called.opened
    await drain()
    expect(callback).toHaveBeenCalledOnce()
  })
})

describe('sse-starlette tests/test_sse.py', () => {
  it('test_backgroundTask_whenProvided_thenExecutesAfterResponse: no event, and the client leaves', async () => {
    const note = noteOutcome()
    const task = new BackgroundTask({ run: note.run })
    const entered = newGate()
    const { port } = await serve((request) => {
      entered.open()
      const events = new Response(bodyOf([]), { headers: { 'content-type': 'text/event-stream' } })
      return task.wrap(events, { request })
    })

    const { socket } = await send({ port })
    await entered.opened
    socket.destroy()
    await task.finished
    expect(note.seen).toHaveLength(1)
  })
})
