/**
 * A middleware of Hono, with the list of the request in `c.var.backgroundTasks`. Guide:
 * [Hono](../docs/hono.md).
 *
 * @module background-tasks/hono
 */

import type { Context, MiddlewareHandler } from 'hono'
import { checkedBegin, type HandlerOptions } from './handler/handle.ts'
import { isResponse } from './response/is-response.ts'
import type { BackgroundTasks } from './tasks/background-tasks.ts'
import { insideOf } from './tasks/item.ts'
import { registry } from './tasks/registry.ts'
import { isObject, refuse } from './util/checks.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The tasks that run after the response, below `provideBackgroundTasks()`. */
    backgroundTasks: BackgroundTasks
  }
}

/**
 * A middleware of Hono that gives each request a list of tasks, as `c.var.backgroundTasks`. The tasks
 * run when the response has ended, which does not say that the client has received it.
 *
 * The response stays as it is: where the server tells when it is over (`@hono/node-server`, for most
 * responses Deno and Bun too), nothing of it is touched. Put it first: then the tasks wait for what the
 * other middleware makes of the response. Used more than once for a request, in a sub-app for
 * instance, it shares the outer list.
 *
 * An error that reaches `onError`, an `HTTPException` too, counts as `'thrown'`: when its response has
 * ended only the tasks whose `when` has `'thrown'` run, and the cleanups. Where
 * `background-tasks/context` is loaded, its `backgroundTasks()` finds the same list.
 *
 * @example An app
 * ```ts
 * import { Hono } from 'hono'
 * import { provideBackgroundTasks } from 'background-tasks/hono'
 *
 * const app = new Hono().use(provideBackgroundTasks())
 *
 * app.post('/sign-up', async (c) => {
 *   const { email } = await c.req.json()
 *   c.var.backgroundTasks.addTask(console.log, 'welcome', email)
 *   return c.text('signed up', 202)
 * })
 *
 * const body = JSON.stringify({ email: 'ada@example.com' })
 * const response = await app.request('/sign-up', { method: 'POST', body })
 * console.log(response.status, await response.text())
 * ```
 * @param options How the list runs, and what the host does not offer by itself.
 * @returns The middleware, for `app.use()` or a route.
 * @throws `TypeError` if an option is not one.
 * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout`,
 * `unreadTimeout` or `deadline` is not above 0.
 * @see {@link https://hono.dev/docs/guides/middleware | Middleware of Hono}
 */
export function provideBackgroundTasks(options: HandlerOptions = {}): MiddlewareHandler {
  checkIsCalled(options)
  const begin = checkedBegin('create the middleware', options)
  return async function backgroundTasks(c, next) {
    if (isShared(c)) return next()
    const handling = begin([c])
    const { list, tasks } = handling
    c.set('backgroundTasks', tasks)
    const { lists } = registry
    const respond = async (): Promise<Response | undefined> => {
      await next()
      if (c.error !== undefined) list.thrown = { reason: c.error }
      if (c.finalized) return c.res
      // Hono makes an error of it, when this is over.
      list.thrown ??= { reason: new Error(unanswered) }
      return undefined
    }
    const run = (): unknown => handling.handle(respond)
    try {
      setResponse(c, await (lists === undefined ? run() : lists.run(list, run)))
    } catch (error) {
      // Answered already: the handler of one that has timed out goes on, and its answer is dropped.
      if (list.thrown === undefined || list.thrown.reason === error) throw error
    }
  }
}

const unanswered =
  'Cannot answer the request: the handler has returned nothing, return a Response, c.text() for instance'

/** `app.use(provideBackgroundTasks)` is as easily written. */
function checkIsCalled(options: unknown): void {
  if (!isObject(options) || !('finalized' in options)) return
  const advice = 'call it: app.use(provideBackgroundTasks())'
  refuse('create the middleware', 'it is given a request', advice)
}

/** Whether a middleware around this one is going to run the tasks. */
function isShared(c: Context): boolean {
  return insideOf(c.get('backgroundTasks'))?.hasHandler === true
}

/** Only if it is another one, and never over the old one: Hono copies the headers of that. */
function setResponse(c: Context, answer: unknown): void {
  if (!isResponse(answer) || answer === c.res) return
  c.res = undefined
  c.res = answer
}
