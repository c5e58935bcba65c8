import type { BackgroundTasks } from '../tasks/background-tasks.ts'
import { checkedHandler, type HandlerOptions, withLength } from './handle.ts'

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
 * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout`,
 * `unreadTimeout` or `deadline` is not above 0.
 */
export function withBackgroundTasks<Args extends unknown[], Result>(
  handler: (tasks: BackgroundTasks, ...args: Args) => Result,
  options: HandlerOptions = {},
): (...args: Args) => Result {
  const begin = checkedHandler(handler, options)
  function handleRequest(this: unknown, ...args: Args): Result {
    const handling = begin(args)
    return handling.handle(() => handler.call(this, handling.tasks, ...args)) as Result
  }
  return withLength(handleRequest, handler.length - 1)
}
