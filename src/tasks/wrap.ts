import { attach } from '../hosts/attach.ts'
import { isDeno } from '../hosts/deno.ts'
import { type Host, tellerOf } from '../hosts/host.ts'
import { findPlatformWaitUntil, hold } from '../hosts/wait-until.ts'
import { isResponse } from '../response/is-response.ts'
import { checkFunction, checkMilliseconds, isThenable, kindOf, refuse } from '../util/checks.ts'
import { checkOptions } from '../util/options.ts'
import { handled } from '../util/report.ts'
import type { Item } from './item.ts'
import { registry, type RequestList, track, untrack } from './registry.ts'

/** What the host offers to {@link BackgroundTasks.wrap}. */
export interface WrapOptions {
  /** The request being answered: lets `HEAD` and an early disconnect be seen. */
  request?: Request
  /**
   * Keeps the host alive. Called once, as a method of these options, so the `ctx` of a Worker fits;
   * before `wrap` returns and, where there is a handler, before that is called. Its promise never
   * rejects.
   *
   * @default that of the platform, where code can find one by itself: Workers, Vercel, Next.js, Neon,
   * Netlify, Supabase, Bunny
   */
  waitUntil?: (promise: Promise<unknown>) => void
  /**
   * The host's own signal for the end of the response: the body is then left untouched. Fulfilled
   * counts as `'closed'`, rejected as `'cancelled'`.
   */
  completed?: Promise<unknown>
  /**
   * Milliseconds, above 0, until a body that nobody touches counts as `'unread'`. It can be read
   * after that all the same.
   *
   * @default 10_000
   */
  unreadTimeout?: number
}

/** Starts the item after `response`, or after the response of the request it belongs to. */
export function wrap(item: Item, response: Response, options: WrapOptions): Response {
  const verb = 'wrap the response'
  if (!isResponse(response)) {
    refuse(verb, `it is ${kindOf(response)}`, 'pass the Response of the handler')
  }
  checkWrapOptions(verb, options)
  const { request, completed, unreadTimeout } = options
  const waitUntil = waitUntilOf(options)
  // Where another signal tells the end nobody else hears of it.
  if (completed !== undefined) void handled(Promise.resolve(completed))
  if (item.hasHandler || joinRequest(item)) {
    if (waitUntil !== undefined) hold(waitUntil, item)
    return response
  }
  const host: Host = {
    request: request && isDeno ? { method: request.method } : request,
    unreadTimeout,
    carrier: completed,
    teller: () =>
      completed && {
        tell(exchange) {
          tellerOf(completed).tell(exchange)
          exchange.isCarriedBy(response)
        },
      },
  }
  const { exchange, sent } = attach(response, host)
  item.waitFor(exchange)
  countIn(item)
  hold(waitUntil ?? findPlatformWaitUntil(), item)
  return sent
}

/** That of the options, as a method of them: the context of a Worker refuses to be taken apart. */
export function waitUntilOf(options: Pick<WrapOptions, 'waitUntil'>): WrapOptions['waitUntil'] {
  return options.waitUntil && ((promise) => options.waitUntil?.(promise))
}

/** Lets `drain` wait for it, unless there is nothing in it to wait for. */
export function countIn(item: Item): void {
  if (item.isIdle) untrack(item)
  else track(item)
}

/** The list of the request being handled, where there is a provider and the request is not over. */
export function requestList(): RequestList | undefined {
  const list = registry.lists?.getStore()
  return list?.isJoinable === true ? list : undefined
}

/** Hands the item to the list of the request being handled, if it is not that one itself. */
export function joinRequest(item: Item, list: RequestList | undefined = requestList()): boolean {
  if (list === undefined || list === item || !list.isJoinable) return false
  item.keepContext()
  list.add(item)
  return true
}

/** Refuses what the host can not have offered. */
export function checkWrapOptions(verb: string, options: WrapOptions): void {
  if ('signal' in Object(options)) refuse(verb, 'the options are a request', 'pass { request }')
  checkOptions(verb, options)
  const { request, waitUntil, completed, unreadTimeout } = options
  if (request !== undefined && typeof request?.method !== 'string') {
    refuse(verb, `request is ${kindOf(request)}`, 'pass the Request of the handler')
  }
  if (waitUntil !== undefined) checkFunction(verb, 'waitUntil', waitUntil)
  if (completed !== undefined && !isThenable(completed)) {
    refuse(verb, `completed is ${kindOf(completed)}`, 'pass a promise')
  }
  checkMilliseconds(verb, 'unreadTimeout', unreadTimeout)
}
