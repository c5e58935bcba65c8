import {
  BackgroundTasks,
  inFlight,
  type TaskDefinition,
  withBackgroundTasks,
  type WrapOptions,
} from 'background-tasks'
import { provideBackgroundTasks, backgroundTasks } from 'background-tasks/context'
import { open, passed, report } from './control.ts'
import { responses } from './responses.ts'

/** The part of a list used here. */
interface TaskList {
  addTask(definition: TaskDefinition): unknown
}

/** How one host runs the cases. */
export interface AppHost<Args extends unknown[]> {
  readonly request: (...args: Args) => Request
  readonly Response?: typeof Response
  readonly upstream: string
  /** Blocks the process until the client has created the file of this id. */
  readonly block: (id: string) => string
  readonly upgrade?: (...args: Args) => Response | undefined
  /** For `withBackgroundTasks` and `provideBackgroundTasks`, where a test waits for it. */
  readonly unreadTimeout?: number
  /** Keeps the request alive for what is no task. */
  readonly hold?: (promise: Promise<unknown>, ...args: Args) => void
  /** Where a middleware of the framework provides it: then the forms `with` and `provide` wrap nothing. */
  readonly list?: (...args: Args) => TaskList
  /** What a user has to pass to `tasks.wrap()` there. */
  readonly wrapOptions?: (...args: Args) => WrapOptions
}

/** Bun has answered an upgrade itself when the handler returns: it gets no response then. */
type Answer = Response | Promise<Response>

/**
 * The application under test. `GET /<form>/<case>?id=<id>&task=<kind>` answers with the response of
 * the case, in one of the forms that a user can choose from:
 *
 * - `bare`: the handler alone
 * - `with`: `withBackgroundTasks`
 * - `provide`: `provideBackgroundTasks`
 * - `wrap`: `tasks.wrap(response)` and nothing else
 * - `request`: `tasks.wrap(response, { request })`
 */
export function createApp<Args extends unknown[]>(host: AppHost<Args>): (...args: Args) => Answer {
  function answer(...args: Args): Answer {
    const { caseName, id } = parse(host.request(...args))
    const respond = responses[caseName]
    if (respond === undefined) return new Response('no such case', { status: 404 })
    return respond({
      id,
      request: host.request(...args),
      upstream: host.upstream,
      Response: host.Response ?? Response,
      upgrade: host.upgrade && (() => host.upgrade?.(...args) as Response),
    })
  }

  function addTask(tasks: TaskList, ...args: Args): void {
    const { id, kind } = parse(host.request(...args))
    tasks.addTask({
      name: id,
      async run({ outcome, reason }) {
        report('task-start', id, { outcome, reason: messageOf(reason) })
        const proof = kind === 'blocking' ? host.block(id) : undefined
        if (kind === 'slow') await passed(`${id}/task`)
        report('task-end', id, { proof })
      },
    })
  }

  const { unreadTimeout = 10_000, list } = host
  const withTask = (tasks: TaskList, ...args: Args): Answer => {
    addTask(tasks, ...args)
    return remember(parse(host.request(...args)).id, answer(...args))
  }
  const forms: Record<string, (...args: Args) => Answer> = {
    bare: answer,
    with: list
      ? (...args) => withTask(list(...args), ...args)
      : withBackgroundTasks(withTask, { unreadTimeout }),
    provide: list
      ? (...args) => withTask(backgroundTasks(), ...args)
      : provideBackgroundTasks((...args: Args) => withTask(backgroundTasks(), ...args), {
          unreadTimeout,
        }),
    async wrap(...args) {
      const { id, options } = parse(host.request(...args))
      const tasks = new BackgroundTasks()
      addTask(tasks, ...args)
      const response = await remember(id, answer(...args))
      return tasks.wrap(response, { ...host.wrapOptions?.(...args), ...options })
    },
    async request(...args) {
      const request = host.request(...args)
      const { id, options } = parse(request)
      const tasks = new BackgroundTasks()
      addTask(tasks, ...args)
      const response = await remember(id, answer(...args))
      return tasks.wrap(response, { request, ...host.wrapOptions?.(...args), ...options })
    },
  }

  const kept = new Map<string, Promise<Response>>()
  return (...args) => {
    const request = host.request(...args)
    const { form, caseName, id, cache, key } = parse(request)
    if (form === 'open') {
      open(caseName)
      return new Response('open')
    }
    if (form === 'in-flight') return Response.json(inFlight().map(({ name }) => name))
    if (cache === 'store') return store(id, Promise.resolve(handleIn(...args)), args)
    if (cache === 'keep') {
      const response = kept.get(key) ?? Promise.resolve(handleIn(...args))
      kept.set(key, response)
      return response.then((each) => each.clone())
    }
    return handleIn(...args)
  }

  /** As a cache does that keeps a copy of all that it passes on. */
  async function store(id: string, sent: Promise<Response>, args: Args): Promise<Response> {
    const response = await sent
    const stored = response
      .clone()
      .text()
      .then(
        (text) => report('stored', id, { text }),
        (error: unknown) => report('stored', id, { text: String(error) }),
      )
    host.hold?.(stored, ...args)
    return response
  }

  function handleIn(...args: Args): Answer {
    const request = host.request(...args)
    const { form } = parse(request)
    const handle = forms[form]
    if (handle === undefined) return new Response('no such form', { status: 404 })
    const result = handle(...args)
    if (form === 'bare' || list !== undefined) return result
    return Promise.resolve(result).then((response) => {
      reportAnswered(request, response)
      return response
    })
  }
}

/** Tells what goes to the host. */
export function reportAnswered(request: Request, response: Response): void {
  const { id } = parse(request)
  report('answered', id, { untouched: response === inner.get(id) })
  inner.delete(id)
}

function parse(request: Request): {
  form: string
  caseName: string
  id: string
  kind: string | null
  cache: string | null
  key: string
  options: { unreadTimeout: number } | undefined
} {
  const url = new URL(request.url)
  const [, form = '', ...rest] = url.pathname.split('/').map((part) => decodeURIComponent(part))
  const unread = url.searchParams.get('unread')
  return {
    form,
    caseName: rest.join('/'),
    id: url.searchParams.get('id') ?? '',
    kind: url.searchParams.get('task'),
    cache: url.searchParams.get('cache'),
    key: url.searchParams.get('key') ?? '',
    options: unread === null ? undefined : { unreadTimeout: Number(unread) },
  }
}

/** What the handlers have returned, to see whether the host gets the very same. */
const inner = new Map<string, unknown>()

function remember(id: string, answer: Answer): Answer {
  if (answer instanceof Promise) {
    return answer.then((response) => {
      inner.set(id, response)
      return response
    })
  }
  inner.set(id, answer)
  return answer
}

function messageOf(reason: unknown): string | undefined {
  return reason instanceof Error ? reason.message : undefined
}
