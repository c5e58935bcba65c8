import {
  bind,
  checkOptions,
  hold,
  type Host,
  isResponse,
  joinRequest,
  type WrapOptions,
} from './after-response.ts'
import { BackgroundTasks, type BackgroundTasksOptions, markThrown } from './background-tasks.ts'
import type { EndListener } from './body-end.ts'
import { checkFunction } from './errors.ts'
import { findHost } from './host.ts'
import { track, untrack } from './in-flight.ts'

/** How a handler's list runs, and what its host does not offer by itself. */
export interface HandlerOptions
  extends BackgroundTasksOptions, Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'> {}

/**
 * Gives `handler` a list as its first argument and wraps the response that it returns. The host's
 * own arguments follow unchanged, and tell what the host offers: the request, `waitUntil`, its own
 * end of the response.
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
 * @param options How the list runs.
 * @returns The handler for the host. What is not a `Response` passes unchanged.
 * @throws `TypeError` if `handler` is not a function.
 */
export function withBackgroundTasks<Args extends unknown[], Result>(
  handler: (tasks: BackgroundTasks, ...args: Args) => Result,
  options: HandlerOptions = {},
): (...args: Args) => Promise<Awaited<Result>> {
  checkHandler(handler, options)
  const handle = (...args: Args): Promise<Awaited<Result>> => {
    const tasks = new BackgroundTasks([], options)
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
  track(tasks)
  let answer: unknown
  let isThrown = false
  try {
    try {
      answer = await handler()
    } catch (error) {
      if (!isResponse(error)) throw error
      answer = error
      isThrown = true
    }
    answer = tie(tasks, host, answer)
  } catch (error) {
    tasks[markThrown](error)
    tie(tasks, { observe: endAtOnce }, error)
    throw error
  }
  if (isThrown) throw answer
  return answer as Awaited<Result>
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

/** Refuses a handler or options that are none. */
export function checkHandler(handler: unknown, options: HandlerOptions): void {
  checkFunction('wrap the handler', 'it', handler)
  checkOptions('wrap the handler', options)
  void new BackgroundTasks([], options)
}

/** Some hosts (Deno) pass no argument at all to a function that names none. */
export function withLength<Handler>(handle: Handler, length: number): Handler {
  return Object.defineProperty(handle, 'length', { value: Math.max(1, length) })
}
