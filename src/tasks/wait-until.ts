import { findPlatformWaitUntil, hold } from '../hosts/wait-until.ts'
import { End } from '../response/outcome.ts'
import { isThenable, kindOf, refuse } from '../util/checks.ts'
import { handled } from '../util/report.ts'
import { BackgroundTask } from './background-task.ts'
import { inside } from './item.ts'
import { outside } from './outside.ts'
import { registry, track } from './registry.ts'

/**
 * Keeps the host alive for work that has begun already, and for libraries that take a `waitUntil`.
 *
 * It counts as a running task named `waitUntil`: `drain` waits for it, `inFlight` and `abandoned` name
 * it, and a rejection is printed as a {@link BackgroundTaskError}. Below a handler with
 * `background-tasks/context` the request's own `waitUntil` holds it, else the platform's, where that
 * needs no argument; elsewhere only `drain` waits.
 *
 * @example For a library that asks for one
 * ```ts
 * import { waitUntil } from 'background-tasks'
 *
 * const cache = { refresh: (options: { waitUntil: typeof waitUntil }) => {
 *   options.waitUntil(Promise.resolve('refreshed'))
 * } }
 *
 * cache.refresh({ waitUntil })
 * ```
 * @param promise The work.
 * @throws `TypeError` if it is no promise.
 * @see {@link https://developer.mozilla.org/docs/Web/API/ExtendableEvent/waitUntil | Service workers}
 */
export function waitUntil(promise: PromiseLike<unknown>): void {
  if (!isThenable(promise)) {
    refuse('wait for the work', `it is ${kindOf(promise)}`, 'pass a promise of what has begun')
  }
  // Once: that of a query may start it. And at once: an instrument may let the task wait.
  const work = Promise.resolve(promise)
  outside(() => void handled(work))
  const task = new BackgroundTask({ name: 'waitUntil', run: () => work })[inside]
  track(task)
  void task.start(new End('closed'))
  hold(registry.lists?.getStore()?.waitUntil ?? findPlatformWaitUntil(), task)
}
