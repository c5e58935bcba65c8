import { HandlerHost } from '../hosts/host.ts'
import { findPlatformWaitUntil, hold } from '../hosts/wait-until.ts'
import type { List } from '../tasks/list.ts'
import { type BackgroundTasksOptions, checkedListOptions } from '../tasks/list-options.ts'
import { checkWrapOptions, waitUntilOf, type WrapOptions } from '../tasks/wrap.ts'
import { checkFunction, checkMilliseconds } from '../util/checks.ts'
import { holdWhileBusy } from './busy.ts'
import { Handling } from './handling.ts'

/** How a handler's list runs, and what its host does not offer by itself. */
export interface HandlerOptions
  extends BackgroundTasksOptions, Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'> {
  /**
   * Milliseconds, above 0, after the end of the response, at which the platform ends what is left;
   * `false` for none. A tenth of that before, a second at most, the tasks that run are given up on,
   * with a `TimeoutError`, and the others are skipped. Cleanups have the rest.
   *
   * @default what is known of it: on Vercel, on AWS Lambda where an adapter hands on its context, on
   * Workers where the handler is given one, on Supabase
   */
  deadline?: number | false
}

/** Begins a request, with the arguments of its handler and the Node response that is known without. */
export type Begin = (args: readonly unknown[], current?: unknown) => Handling

/** Refuses a handler or options that are none. Returns what begins a request. */
export function checkedHandler(handler: unknown, options: HandlerOptions): Begin {
  checkFunction('wrap the handler', 'it', handler)
  return checkedBegin('wrap the handler', options)
}

/** Refuses options that are none. Returns what begins a request. */
export function checkedBegin(verb: string, options: HandlerOptions): Begin {
  checkWrapOptions(verb, options)
  const listOptions = checkedListOptions(options)
  const { unreadTimeout, deadline } = options
  if (deadline !== false) checkMilliseconds(verb, 'deadline', deadline)
  const given =
    typeof deadline === 'number'
      ? { platform: 'The platform', remaining: () => deadline }
      : deadline
  const waitUntil = waitUntilOf(options)
  return (args, current) => {
    const host = new HandlerHost(args, unreadTimeout, current)
    const handling = new Handling(listOptions, host, given)
    handling.list.handle(handling)
    keepAlive(handling.list, host, waitUntil)
    return handling
  }
}

/** Before the handler is called: a host may end the request with its client. */
function keepAlive(list: List, host: HandlerHost, waitUntil: WrapOptions['waitUntil']): void {
  // The platform before an adapter that runs on it.
  list.waitUntil = waitUntil ?? findPlatformWaitUntil()
  if (list.waitUntil === undefined) {
    const { context } = host
    if (host.nodeResponse !== undefined) return holdWhileBusy(context)
    list.waitUntil = context && ((promise) => context.waitUntil(promise))
  }
  hold(list.waitUntil, list)
}

/** Some hosts (Deno) pass no argument at all to a function that names none. */
export function withLength<Handler>(handler: Handler, length: number): Handler {
  return Object.defineProperty(handler, 'length', { value: Math.max(1, length) })
}
