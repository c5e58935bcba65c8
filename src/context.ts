import { AsyncLocalStorage } from 'node:async_hooks'
import { requestList } from './lib/after-response.ts'
import type { BackgroundTasks } from './lib/background-tasks.ts'
import { currentResponse } from './lib/current-response.ts'
import { findHost } from './lib/host.ts'
import { state } from './lib/process-state.ts'
import {
  checkHandler,
  handleWith,
  type HandlerOptions,
  withLength,
} from './lib/with-background-tasks.ts'

const lists = (state.lists ??= new AsyncLocalStorage<BackgroundTasks>())

/**
 * Gives every call below `handler` the same list, and wraps the response it returns. The tasks run
 * when that response has ended, which does not say that the client has received it.
 *
 * The handler keeps its signature, so the same function is the middleware of every framework whose
 * middleware is `(context, next) => Response`. Below another provider the outer list is shared.
 *
 * @example One list for the handler and what it calls
 * ```ts
 * import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
 *
 * function logQuery(query: string): void {
 *   backgroundTasks().addTask(console.log, `found query: ${query}`)
 * }
 *
 * const fetch = provideBackgroundTasks((request: Request) => {
 *   logQuery(new URL(request.url).searchParams.get('q') ?? '')
 *   return new Response('ok')
 * })
 *
 * const response = await fetch(new Request('http://localhost/?q=some-query'))
 * console.log(await response.text())
 * ```
 * @param handler The handler or middleware.
 * @param options How the list runs, and what the host does not offer by itself.
 * @returns The handler for the host. What is not a `Response` passes unchanged.
 * @throws `TypeError` if `handler` is not a function, or an option is not one.
 * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout` or
 * `unreadTimeout` is not above 0.
 */
export function provideBackgroundTasks<Args extends unknown[], Result>(
  handler: (...args: Args) => Result,
  options: HandlerOptions = {},
): (...args: Args) => Promise<Awaited<Result>> {
  const createList = checkHandler(handler, options)
  const handle = async (...args: Args): Promise<Awaited<Result>> => {
    if (requestList() !== undefined) return await handler(...args)
    const tasks = createList()
    const host = findHost(args, options, currentResponse())
    return lists.run(tasks, () => handleWith(tasks, host, () => handler(...args)))
  }
  return withLength(handle, handler.length)
}

/**
 * The list of the request being handled, from anywhere below `provideBackgroundTasks`. In a running
 * task it is the list of that task.
 *
 * @example A dependency that adds a task and cleans up after it
 * ```ts
 * import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
 *
 * function openSession(): { log: (line: string) => void } {
 *   backgroundTasks().defer(() => console.log('session closed'))
 *   return { log: (line) => void backgroundTasks().addTask(console.log, line) }
 * }
 *
 * const handler = provideBackgroundTasks((request: Request) => {
 *   openSession().log(`answered ${request.url}`)
 *   return new Response('ok')
 * })
 *
 * const response = await handler(new Request('http://localhost/'))
 * console.log(await response.text())
 * ```
 * @returns The list.
 * @throws `Error` outside a request.
 */
export function backgroundTasks(): BackgroundTasks {
  const tasks = lists.getStore()
  if (tasks === undefined) {
    throw new Error(
      'Cannot get the background tasks: no request is being handled, call it below a handler given to provideBackgroundTasks',
    )
  }
  return tasks
}
