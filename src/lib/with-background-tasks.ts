import {
  bind,
  checkOptions,
  handling,
  hold,
  type Host,
  isResponse,
  joinRequest,
  type WrapOptions,
} from './after-response.ts'
import {
  BackgroundTasks,
  type BackgroundTasksOptions,
  listOptions,
  markThrown,
} from './background-tasks.ts'
import type { EndListener } from './body-end.ts'
import { checkFunction, isThenable } from './errors.ts'
import { findHost } from './host.ts'
import { track, untrack } from './in-flight.ts'
import { trigger } from './process-state.ts'

/** How a handler's list runs, and what its host does not offer by itself. */
export interface HandlerOptions
  extends BackgroundTasksOptions, Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'> {}

/**
 * Gives `handler` a list as its first argument and wraps the response that it returns. The host's
 * own arguments follow unchanged, and tell what the host offers: the request, `waitUntil`, its own
 * end of the response. The tasks run when the response has ended, which does not say that the client
 * has received it.
 *
 * A thrown `Response` is wrapped and thrown again. Any other error is rethrown unchanged: then only
 * the tasks whose `when` has `'thrown'` run, and the cleanups.
 *
 * @example A fetch handler
 * ```ts
 * import { withBackgroundTasks } from 'background-tasks'
 *
 * const fetch = withBackgroundTasks((tasks, request: Request) => {
 *   tasks.addTask(console.log, 'answered', request.url)
 *   return new Response('ok')
 * })
 *
 * const response = await fetch(new Request('http://localhost/hello'))
 * console.log(await response.text())
 * ```
 * @param handler The handler, with a list in front of its arguments.
 * @param options How the list runs, and what the host does not offer by itself.
 * @returns The handler for the host. What is not a `Response` passes unchanged.
 * @throws `TypeError` if `handler` is not a function, or an option is not one.
 * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout` or
 * `unreadTimeout` is not above 0.
 */
export function withBackgroundTasks<Args extends unknown[], Result>(
  handler: (tasks: BackgroundTasks, ...args: Args) => Result,
  options: HandlerOptions = {},
): (...args: Args) => Promise<Awaited<Result>> {
  const createList = checkHandler(handler, options)
  const handle = (...args: Args): Promise<Awaited<Result>> => {
    const tasks = createList()
    return handleWith(tasks, findHost(args, options), () => handler(tasks, ...args))
  }
  return withLength(handle, handler.length - 1)
}

/** Runs the handler of one request and ties `tasks` to what it answers. */
export async function handleWith<Result>(
  tasks: BackgroundTasks,
  host: Host,
  handler: () => Result,
): Promise<Awaited<Result>> {
  // Before the handler runs: a host may end the request with its client.
  hold(tasks, host.waitUntil)
  tasks[trigger] = handling
  track(tasks)
  try {
    const answer = handler()
    return tie(tasks, host, isThenable(answer) ? await answer : answer) as Awaited<Result>
  } catch (error) {
    throw tieThrown(tasks, host, error)
  }
}

/** What to throw at the host: a response is an answer too. */
function tieThrown(tasks: BackgroundTasks, host: Host, thrown: unknown): unknown {
  let error = thrown
  try {
    if (isResponse(thrown)) return tie(tasks, host, thrown)
  } catch (failure) {
    error = failure
  }
  tasks[markThrown](error)
  return tie(tasks, { observe: endAtOnce }, error)
}

function tie(tasks: BackgroundTasks, host: Host, answer: unknown): unknown {
  if (!joinRequest(tasks)) return bind(tasks, answer, host)
  untrack(tasks)
  return answer
}

function endAtOnce(listener: EndListener): boolean {
  listener.end('thrown')
  return true
}

/** Refuses a handler or options that are none. Returns what makes the list of a request. */
export function checkHandler(handler: unknown, options: HandlerOptions): () => BackgroundTasks {
  checkFunction('wrap the handler', 'it', handler)
  checkOptions('wrap the handler', options)
  const checked = listOptions(options)
  return () => new BackgroundTasks([], checked)
}

/** Some hosts (Deno) pass no argument at all to a function that names none. */
export function withLength<Handler>(handle: Handler, length: number): Handler {
  return Object.defineProperty(handle, 'length', { value: Math.max(1, length) })
}
