/**
 * A list for route handlers, server actions, pages and proxies of Next.js, on its own `after()`.
 * Guide: [Next.js](../docs/next.md).
 *
 * @module background-tasks/next
 */

import { after } from 'next/server.js'
import { checkedHandler, type HandlerOptions, withLength } from './handler/handle.ts'
import type { Host } from './hosts/host.ts'
import type { Exchange } from './response/exchange.ts'
import { isResponse } from './response/is-response.ts'
import type { BackgroundTasks } from './tasks/background-tasks.ts'
import { openTasks } from './tasks/in-flight.ts'
import type { List } from './tasks/list.ts'
import { registry } from './tasks/registry.ts'
import { requestList } from './tasks/wrap.ts'
import { later } from './util/later.ts'

/**
 * Gives a route handler, a server action, a page or a proxy of Next.js a list as its first argument.
 * Next's own arguments follow unchanged. The tasks run when Next has sent the response, which it
 * tells through `after()`: to the byte, for `HEAD`, for a client that left and for an action too.
 * At SIGTERM `next start` waits for them.
 *
 * `redirect()`, `notFound()` and the like are answers: what they throw goes on to Next unchanged, and
 * the tasks run. A handler that throws anything else has failed: only the tasks whose `when` has
 * `'thrown'` run, and the cleanups. `backgroundTasks()` of `background-tasks/context` finds the same
 * list below the handler.
 *
 * A static route runs its handler, and so its tasks, at build and at each revalidation. Where Next
 * does not answer a request (a unit test that calls the handler), the tasks run when the body of the
 * response has closed, as with `withBackgroundTasks` of `background-tasks`.
 *
 * @example A route handler
 * ```ts
 * import { withBackgroundTasks } from 'background-tasks/next'
 *
 * export const POST = withBackgroundTasks(async (tasks, request: Request) => {
 *   const { email } = await request.json()
 *   tasks.addTask(console.log, 'signed up', email)
 *   return Response.json({ ok: true }, { status: 202 })
 * })
 *
 * const body = JSON.stringify({ email: 'ada@example.com' })
 * const response = await POST(new Request('http://localhost/sign-up', { method: 'POST', body }))
 * console.log(await response.text())
 * ```
 * @param handler The handler, with a list in front of its arguments.
 * @param options How the list runs. `unreadTimeout` counts only where Next answers no request.
 * @returns The function to export.
 * @throws `TypeError` if `handler` is not a function, or an option is not one.
 * @throws `RangeError` if `concurrency` is not a whole number from 1 or `Infinity`, or `timeout`,
 * `unreadTimeout` or `deadline` is not above 0.
 * @see {@link https://nextjs.org/docs/app/api-reference/functions/after | after() of Next.js}
 */
export function withBackgroundTasks<Args extends unknown[], Result>(
  handler: (tasks: BackgroundTasks, ...args: Args) => Result,
  options: HandlerOptions = {},
): (...args: Args) => Promise<Awaited<Result>> {
  const begin = checkedHandler(handler, options)
  async function handleRequest(this: unknown, ...args: Args): Promise<Awaited<Result>> {
    const handling = begin(args)
    const { tasks, list } = handling
    handling.host = registerAfter(list, args[0], options) ?? handling.host
    const call = async (): Promise<Result> => {
      try {
        return await Reflect.apply(handler, this, [tasks, ...args])
      } catch (error) {
        if (isBailout(error)) for (const task of openTasks([list])) task.cancel(error)
        throw error
      }
    }
    return (await provide(list, () => handling.handle(call))) as Awaited<Result>
  }
  return withLength(handleRequest, handler.length - 1)
}

/**
 * Registers with `after()` at once: later it is too late, in a stream for instance. Next calls back
 * when the response is over, and that may be before the handler has returned: the client has left.
 */
function registerAfter(list: List, request: unknown, options: HandlerOptions): Host | undefined {
  const { unreadTimeout } = options
  let tell: (() => void) | undefined
  const over = new Promise<void>((resolve) => (tell = resolve))
  try {
    // There Next never calls back when the client leaves early, and too soon when it reads slowly.
    if (process.env['NEXT_RUNTIME'] === 'edge' && request instanceof Request) {
      after(list.finished)
      return { request, unreadTimeout }
    }
    after(() => {
      tell?.()
      return list.finished
    })
  } catch {
    // Not below a request of Next: a test calls the handler, or a script.
    return undefined
  }
  return {
    request: request instanceof Request ? request : undefined,
    teller: (answer) => ({
      tell(exchange) {
        // Then Next does not touch the body, and what becomes of it tells nothing.
        const hadLeft = signalOf(request)?.aborted === true
        void over.then(() => {
          const { aborted = false, reason } = signalOf(request) ?? {}
          if (!aborted) exchange.end('closed')
          else if (hadLeft) exchange.end('cancelled', reason)
          else later(() => void endAborted(exchange, answer, reason))
        })
      },
    }),
  }
}

/** Next aborts for a source that has failed too. It has let go of the body then, which tells. */
async function endAborted(exchange: Exchange, answer: unknown, reason: unknown): Promise<void> {
  const failure = await failureOf(answer)
  // A source that was given the request's signal, as a proxied fetch is, fails with its reason.
  if (failure === undefined || failure.error === reason) exchange.end('cancelled', reason)
  else exchange.end('errored', failure.error)
}

async function failureOf(answer: unknown): Promise<{ readonly error: unknown } | undefined> {
  let failure: { readonly error: unknown } | undefined
  try {
    const body = isResponse(answer) ? answer.body : null
    if (body === null || body.locked) return undefined
    const reader = body.getReader()
    reader.closed.catch((error: unknown) => (failure = { error }))
    // One that has failed says so at once; any other one is left as it was.
    await undefined
    reader.releaseLock()
  } catch {
    // A stream that is not of this platform.
  }
  return failure
}

/**
 * Nothing else of the request may be looked at: its URL and headers make a static route dynamic. And
 * the request of a `force-static` one throws for what it does not know.
 */
function signalOf(request: unknown): AbortSignal | undefined {
  try {
    return request instanceof Request ? request.signal : undefined
  } catch {
    return undefined
  }
}

/** Lets `backgroundTasks()` find the list, unless one is provided around the handler. */
function provide<Result>(list: List, call: () => Result): Result {
  const { lists } = registry
  return lists === undefined || requestList() !== undefined ? call() : lists.run(list, call)
}

/**
 * Whether Next gives up to prerender: it has called the handler at build, and the handler has asked for
 * the request. Nothing has failed then, and nothing was answered.
 */
function isBailout(error: unknown): boolean {
  return /^(DYNAMIC_SERVER_USAGE|HANGING_PROMISE_REJECTION|NEXT_PRERENDER_INTERRUPTED)$/.test(
    digestOf(error),
  )
}

function digestOf(error: unknown): string {
  const isMarked = typeof error === 'object' && error !== null && 'digest' in error
  return isMarked ? String(error.digest) : ''
}
