import { withBackgroundTasks } from 'background-tasks'
import { pause, report } from '../app/control.ts'
import { addTooMuch, reporting } from '../app/deadline.ts'

interface Env {
  readonly OBJECT: {
    idFromName(name: string): object
    get(id: object): { fetch(request: Request): Promise<Response> }
  }
}

// Half a minute is too long for a test: what waits for the end of it is told, and waits for less.
const longTimers = new Map<unknown, number>()
const { setTimeout: start, clearTimeout: stop } = globalThis
Object.assign(globalThis, {
  setTimeout(callback: () => void, delay = 0) {
    if (delay < 20_000) return start(callback, delay)
    const timer = start(callback, delay / 100)
    longTimers.set(timer, delay)
    report('timer', '', { delay })
    return timer
  },
  clearTimeout(timer: ReturnType<typeof start> | undefined) {
    if (longTimers.delete(timer)) report('cleared', '')
    stop(timer)
  },
})

type Arguments = [request: Request, env?: Env, context?: object]

const tooMuch = (options: object) =>
  withBackgroundTasks(
    (tasks, ..._args: Arguments) => {
      addTooMuch(tasks, '')
      return new Response('answered')
    },
    { ...reporting, ...options },
  )
const little = (options: object) =>
  withBackgroundTasks(
    (tasks, ..._args: Arguments) => {
      tasks.addTask(pause, 50)
      tasks.addTask(report, 'ended', '')
      return new Response('answered')
    },
    { ...reporting, ...options },
  )
const none = withBackgroundTasks((_tasks, ..._args: Arguments) => new Response('answered'))

const handlers: Record<string, (...args: Arguments) => Response> = {
  '/too-much': tooMuch({}),
  '/given': tooMuch({ deadline: 500 }),
  '/little': little({}),
  '/false': little({ deadline: false }),
  '/none': none,
  '/object': little({}),
  '/object-given': tooMuch({ deadline: 500 }),
}

const answer = (...args: Arguments): Response => {
  const handler = handlers[new URL(args[0].url).pathname]
  return handler === undefined ? new Response(null, { status: 404 }) : handler(...args)
}

/** A Durable Object, which has a context of its own. */
export class TestObject {
  readonly #context: object
  readonly #env: Env

  constructor(context: object, env: Env) {
    this.#context = context
    this.#env = env
  }

  fetch(request: Request): Response {
    return answer(request, this.#env, this.#context)
  }
}

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (!pathname.startsWith('/object')) return answer(request, env, context)
    return env.OBJECT.get(env.OBJECT.idFromName('one')).fetch(request)
  },
}
