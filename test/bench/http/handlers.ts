// The handlers that are compared: each does the same work and answers the same. A process serves one.
import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'

export type Answer = Response | Promise<Response>
/** What every host gets as its handler. Hosts differ in what they pass. */
export type Handler<A, B, C> = (a: A, b?: B, c?: C) => Answer

/** Runs `run` when `response` is over, and returns what to answer. */
export type Way<A, B, C> = (run: () => unknown, response: Response, a: A, b?: B, c?: C) => Response

export interface Host<A, B = unknown, C = unknown> {
  readonly serve: (handler: Handler<A, B, C>, port: number, way: string) => unknown
  /**
   * The least that keeps the promises of docs/lifecycle.md, written by hand: the end of the response
   * however it comes, the async context of the handler, a later macrotask, one call.
   */
  readonly floor: Way<A, B, C>
  /** What a user would pick instead: on this host alone, or in a form of its own. */
  readonly ways?: Readonly<Record<string, Way<A, B, C>>>
  /** Whether `serve` puts `provideBackgroundTasks` round the app, as the docs of the host do. */
  readonly isAppProvided?: boolean
}

/** What the handler answers. */
export type Payload = keyof typeof payloads

export interface Setup {
  readonly way: string
  readonly isAsync: boolean
  readonly payload: Payload
}

/** The ways that every host has. */
export const commonWays = [
  'bare',
  'floor',
  'no task',
  'sync task',
  'async task',
  'provided',
  'wrap',
  'pipeTo',
  'pipeThrough',
] as const

let done = 0
/** How many tasks have run in this process. */
export function tasksDone(): number {
  return done
}

function task(): void {
  done += 1
}

async function asyncTask(): Promise<void> {
  await something()
  done += 1
}

/** What an asynchronous handler or task waits for. */
function something(): Promise<void> {
  return Promise.resolve()
}

const payloads = {
  json: () => Response.json({ message: 'hello' }),
  /** For a fake host, which looks at no response: to make one takes more than all that is compared. */
  constant: () => (constant ??= Response.json({ message: 'hello' })),
  'long chunks': () => chunked(2 ** 14, longChunk),
  'short chunks': () => chunked(100_000, shortChunk),
}
// Not made at once: a Worker makes nothing outside a request.
let constant: Response | undefined
const longChunk = new Uint8Array(64 * 1024)
const shortChunk = new Uint8Array(1024)

function chunked(count: number, chunk: Uint8Array): Response {
  let left = count
  const source = {
    pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
      controller.enqueue(chunk)
      left -= 1
      if (left === 0) controller.close()
    },
  }
  return new Response(new ReadableStream(source, { highWaterMark: 0 }))
}

export type Provider = typeof import('background-tasks/context')

/** Where it is measured, and nowhere else: it hears of each request of Node.js. */
export async function loadProvider({ way }: Setup): Promise<Provider | undefined> {
  return way === 'provided' ? import('background-tasks/context') : undefined
}

/** Serves one way of one host. */
export async function serveWay<A, B, C>(
  host: Host<A, B, C>,
  setup: Setup,
  port: number,
): Promise<void> {
  host.serve(createHandler(host, setup, await loadProvider(setup)), port, setup.way)
}

export function createHandler<A, B, C>(
  host: Omit<Host<A, B, C>, 'serve'>,
  { way, isAsync, payload }: Setup,
  provider: Provider | undefined,
): Handler<A, B, C> {
  const answer = payloads[payload]
  /** The handler as its author would write it: all at once, or after something asynchronous. */
  const written = (respond: Handler<A, B, C>): Handler<A, B, C> =>
    isAsync
      ? async (a, b, c) => {
          await something()
          return respond(a, b, c)
        }
      : (a, b, c) => respond(a, b, c)
  const withTasks = (add: (tasks: BackgroundTasks) => unknown): Handler<A, B, C> =>
    withBackgroundTasks<[A, B?, C?], Answer>(
      isAsync
        ? async (tasks, _a, _b, _c) => {
            await something()
            add(tasks)
            return answer()
          }
        : (tasks, _a, _b, _c) => {
            add(tasks)
            return answer()
          },
    )
  const observed = (observe: Way<A, B, C>): Handler<A, B, C> =>
    written((a, b, c) => observe(task, answer(), a, b, c))

  const own = host.ways?.[way]
  if (own !== undefined) return observed(own)
  switch (way) {
    case 'bare':
      return written(() => answer())
    case 'floor':
      return observed(host.floor)
    case 'no task':
      return withTasks(() => {})
    case 'sync task':
      return withTasks((tasks) => tasks.addTask(task))
    case 'async task':
      return withTasks((tasks) => tasks.addTask(asyncTask))
    case 'provided': {
      if (provider === undefined) throw new Error('There is no provider')
      const { backgroundTasks, provideBackgroundTasks } = provider
      const handler = written(() => {
        backgroundTasks().addTask(task)
        return answer()
      })
      return host.isAppProvided ? handler : provideBackgroundTasks(handler)
    }
    case 'wrap':
      return written(() => {
        const tasks = new BackgroundTasks()
        tasks.addTask(task)
        return tasks.wrap(answer())
      })
    case 'pipeTo':
      return observed(pipeTo)
    case 'pipeThrough':
      return observed(pipeThrough)
    default:
      throw new Error(`There is no way ${way}`)
  }
}

/** As Next.js observes the end of a body for `after()`. */
function pipeTo(run: () => unknown, response: Response): Response {
  const { readable, writable } = new TransformStream()
  const after = (): void => void setTimeout(run)
  response.body?.pipeTo(writable).then(after, after)
  return new Response(readable, response)
}

/** As it is found in answers on the web: a `cancel` or an error runs nothing. */
function pipeThrough(run: () => unknown, response: Response): Response {
  const end = new TransformStream({ flush: () => void setTimeout(run) })
  return new Response(response.body?.pipeThrough(end) ?? null, response)
}
