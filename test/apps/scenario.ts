import { existsSync } from 'node:fs'

/** The part of a list used here, so that each app's own copy of the package fits. */
interface TaskList {
  readonly tasks: readonly unknown[]
  addTask(definition: {
    name: string
    when?: readonly ('closed' | 'cancelled' | 'errored' | 'unread' | 'thrown')[]
    run: (context: { outcome: string }) => unknown
  }): unknown
}

/** Tells the test something: one line on standard output. */
export function report(type: string, id: string, detail: Record<string, unknown> = {}): void {
  console.log(`@event ${JSON.stringify({ type, id, ...detail })}`)
}

/** Opened by a request of its own, `?case=open&id=..`. */
const gates = new Map<string, PromiseWithResolvers<void>>()

function gate(id: string): PromiseWithResolvers<void> {
  const opened = gates.get(id) ?? Promise.withResolvers<void>()
  gates.set(id, opened)
  return opened
}

/**
 * What every app answers under test, chosen by the query, whatever the framework: `?case=json&id=..`.
 * Each answer has a task that reports when it starts and how its response had ended. `list` is asked
 * for the request's tasks wherever one is added.
 */
export async function answer(list: () => TaskList, request: Request): Promise<Response> {
  const query = new URL(request.url).searchParams
  const id = query.get('id') ?? 'none'
  const task = (run: () => unknown = () => {}): void => {
    list().addTask({
      name: id,
      run: async ({ outcome }) => {
        report('task-start', id, { outcome })
        report('task-end', id, { outcome, result: await run() })
      },
    })
  }
  switch (query.get('case')) {
    case 'open':
      gate(id).resolve()
      return new Response(null, { status: 204 })
    case 'json':
      task()
      return Response.json({ id }, { headers: { 'x-case': 'json' } })
    case 'shared':
      // Added on both sides of a wait in which the other requests come in.
      task()
      await new Promise((resolve) => setTimeout(resolve, 20))
      list().addTask({ name: 'second', run: () => report('second', id) })
      return Response.json({ id, size: list().tasks.length })
    case 'action': {
      const form = await request.formData()
      task(() => form.get('email'))
      return Response.json({ email: form.get('email') }, { status: 202 })
    }
    case 'redirect':
      task()
      return new Response(null, { status: 303, headers: { location: '/elsewhere' } })
    case 'throw':
      task()
      list().addTask({
        name: 'when thrown',
        when: ['thrown'],
        run: ({ outcome }) => report('task-thrown', id, { outcome }),
      })
      throw new Error('broken on purpose')
    case 'stream':
      task()
      return new Response(untilOpened(id))
    case 'endless':
      task()
      return new Response(untilCancelled(id))
    case 'early':
      task()
      request.signal.addEventListener('abort', () => report('aborted', id))
      report('entered', id)
      await gate(id).promise
      return Response.json({ id })
    case 'slow-task':
      task(() => gate(id).promise)
      return Response.json({ id })
    case 'blocking-task':
      task(() => blockUntil(query.get('file') ?? ''))
      return Response.json({ id })
    default:
      return new Response('no such case', { status: 404 })
  }
}

/** One chunk, and the last one when the client has asked for it. */
function untilOpened(id: string): ReadableStream<Uint8Array> {
  let pulls = 0
  return new ReadableStream(
    {
      async pull(controller) {
        pulls += 1
        if (pulls === 2) await gate(id).promise
        if (pulls === 3) {
          report('source-closed', id)
          controller.close()
        } else {
          controller.enqueue(new TextEncoder().encode(pulls === 1 ? 'first,' : 'last'))
        }
      },
    },
    { highWaterMark: 0 },
  )
}

function untilCancelled(id: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      controller.enqueue(new TextEncoder().encode('more,'))
    },
    cancel() {
      report('source-cancelled', id)
    },
  })
}

/** Holds the whole thread until the client, on having its last byte, has made the file. */
function blockUntil(file: string): string {
  const deadline = Date.now() + 10_000
  while (Date.now() < deadline) if (existsSync(file)) return 'seen'
  return 'timed-out'
}

/** What the examples of the documentation do in the background. */
export function writeNotification(email: string, message: string): void {
  report('notification', email, { message })
  console.log(`notification for ${email}: ${message}`)
}
