import { attach } from '../hosts/attach.ts'
import { HandlerHost, type Host } from '../hosts/host.ts'
import { findPlatformWaitUntil, hold } from '../hosts/wait-until.ts'
import { Exchange } from '../response/exchange.ts'
import type { ResponseHead } from '../response/outcome.ts'
import { BackgroundTasks } from '../tasks/background-tasks.ts'
import { watchDeadline } from '../tasks/deadline.ts'
import { inside } from '../tasks/item.ts'
import type { List } from '../tasks/list.ts'
import { type BackgroundTasksOptions, checkedListOptions } from '../tasks/list-options.ts'
import {
  checkWrapOptions,
  countIn,
  joinRequest,
  waitUntilOf,
  type WrapOptions,
} from '../tasks/wrap.ts'
import { checkFunction, checkMilliseconds, isThenable } from '../util/checks.ts'
import { holdWhileBusy } from './busy.ts'
import { answerOf } from './thrown.ts'

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

/** A request that is being handled. */
export interface Handling {
  readonly tasks: BackgroundTasks
  readonly list: List
  readonly host: Host
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
  const given = deadline && { platform: 'The platform', remaining: () => deadline }
  const waitUntil = waitUntilOf(options)
  return (args, current) => {
    const tasks = new BackgroundTasks(undefined, listOptions)
    const list = tasks[inside]
    const host = new HandlerHost(args, unreadTimeout, current)
    list.handle()
    keepAlive(list, host, waitUntil)
    const limit = given ?? host.deadline
    if (limit) list.watch = () => watchDeadline(list, limit)
    return { tasks, list, host }
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

/** Calls the handler, and ties the list to what that answers: at once, if it answers at once. */
export function handle(handling: Handling, handler: () => unknown): unknown {
  let answer: unknown
  try {
    answer = handler()
  } catch (error) {
    throw tieThrown(handling, error)
  }
  if (!isThenable(answer)) return tieAnswer(handling, answer)
  return Promise.resolve(answer).then(
    (value) => tieAnswer(handling, value),
    (error: unknown) => {
      throw tieThrown(handling, error)
    },
  )
}

function tieAnswer(handling: Handling, answer: unknown): unknown {
  try {
    return tie(handling, answer)
  } catch (error) {
    throw tieThrown(handling, error)
  }
}

/** Lets the list run when `answer` has been sent. Returns what to send in its place. */
function tie(handling: Handling, answer: unknown, head?: ResponseHead): unknown {
  const { list, host } = handling
  if (joinRequest(list)) {
    list.release()
    return answer
  }
  const mayWait = host.tellsLate === true && list.isEmpty && !list.isAwaited
  const tell = mayWait ? host.teller?.(answer) : undefined
  if (tell === undefined) return bind(list, answer, host, head)
  list.release()
  const { carrier } = host
  list.subscribe = () => void bind(list, answer, { carrier, teller: () => tell }, head)
  return answer
}

function bind(list: List, answer: unknown, host: Host, head?: ResponseHead): unknown {
  const { exchange, sent } = attach(answer, host, head)
  list.waitFor(exchange)
  countIn(list)
  return sent
}

/** What to throw at the host: the answer, if that is one. */
function tieThrown(handling: Handling, thrown: unknown): unknown {
  const { list } = handling
  let error = thrown
  try {
    const head = answerOf(thrown)
    if (head !== undefined) return tie(handling, thrown, head)
  } catch (failure) {
    error = failure
  }
  // What has been thrown first, and was answered, is not forgotten for a failure after that.
  list.thrown ??= { reason: error }
  if (joinRequest(list)) {
    list.release()
    return error
  }
  const exchange = new Exchange()
  exchange.end('thrown', error)
  list.waitFor(exchange)
  countIn(list)
  return error
}

/** Some hosts (Deno) pass no argument at all to a function that names none. */
export function withLength<Handler>(handler: Handler, length: number): Handler {
  return Object.defineProperty(handler, 'length', { value: Math.max(1, length) })
}
