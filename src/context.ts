/**
 * The list of the request, from anywhere below its handler. Guide:
 * [one list for all below the handler](../docs/context.md).
 *
 * @module background-tasks/context
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { checkedHandler, type HandlerOptions, withLength } from './handler/handle.ts'
import { currentResponse } from './hosts/current-response.ts'
import { isResponse } from './response/is-response.ts'
import { type BackgroundTasks, isBackgroundTasks } from './tasks/background-tasks.ts'
import { registry, type RequestList } from './tasks/registry.ts'
import { requestList } from './tasks/wrap.ts'
import { checkFunction, isObject, isThenable, refuse } from './util/checks.ts'

const importHono = 'import provideBackgroundTasks from background-tasks/hono'

const lists = (registry.lists ??= new AsyncLocalStorage<RequestList>())

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
 * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout`,
 * `unreadTimeout` or `deadline` is not above 0.
 */
export function provideBackgroundTasks<Args extends unknown[], Result>(
  handler: (...args: Args) => Result,
  options: HandlerOptions = {},
): (...args: Args) => Result {
  checkFunction('wrap the handler', 'it', handler, `pass a function, or ${importHono}`)
  const begin = checkedHandler(handler, options)
  function handleRequest(this: unknown, ...args: Args): Result {
    const call = (): Result => Reflect.apply(handler, this, args)
    if (requestList() !== undefined) return call()
    const handling = begin(args, currentResponse())
    const respond = isHonoContext(args[0]) ? () => answered(call()) : call
    return lists.run(handling.list, () => handling.handle(respond)) as Result
  }
  return withLength(handleRequest, handler.length)
}

/** Structural, as all that is known of hosts. Its getters throw. */
function isHonoContext(value: unknown): boolean {
  return isObject(value) && 'finalized' in value && 'executionCtx' in value
}

/** Refuses a middleware of Hono: what that answers is in its context, and is not returned. */
function answered(answer: unknown): unknown {
  if (isThenable(answer)) return Promise.resolve(answer).then(answered)
  if (isResponse(answer)) return answer
  const wrong = 'the handler is a middleware of Hono and returns none'
  return refuse('wrap the response', wrong, importHono)
}

/**
 * The list of the request being handled, from anywhere below `provideBackgroundTasks`. In a running
 * task it is the list of its request.
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
  const tasks = lists.getStore()?.face
  if (!isBackgroundTasks(tasks)) {
    throw new Error(
      'Cannot get the background tasks: no request is being handled, call it below a handler given to provideBackgroundTasks',
    )
  }
  return tasks
}
