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
 * Gives every call below `handler` the same list, and wraps the response it returns.
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
 * @param options How the list runs.
 * @returns The handler for the host.
 * @throws `TypeError` if `handler` is not a function.
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
