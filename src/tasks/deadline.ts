import { type Deadline, onUnload } from '../hosts/deadline.ts'
import { report } from '../util/report.ts'
import { startTimer } from '../util/timers.ts'
import { BackgroundTaskError } from './background-task-error.ts'
import type { Item } from './item.ts'
import type { List } from './list.ts'
import { isTask } from './task.ts'

/** Milliseconds before the end that are left to cleanups, and to whoever hears of it. */
const longestMargin = 1000

/** Lists of a platform that says itself when it ends the process. */
const watched = new Map<List, Deadline>()
onUnload(() => {
  for (const [list, deadline] of watched) expire(list, deadline)
})

/** Gives up on what is left in the list shortly before the platform does. */
export function watchDeadline(list: List, deadline: Deadline): void {
  const remaining = deadline.remaining()
  const margin = Math.min(longestMargin, remaining / 10)
  const timer = startTimer(() => expire(list, deadline), Math.max(0, remaining - margin))
  if (timer === undefined) watched.set(list, deadline)
  void list.ended.then(() => {
    clearTimeout(timer)
    watched.delete(list)
  })
}

/** Cleanups still run. */
function expire(list: List, { platform }: Deadline): void {
  const advice = 'move what takes so long to a queue'
  const reason = new DOMException(`${platform} ends the request now, ${advice}`, 'TimeoutError')
  const skipped: string[] = []
  const items = [...list.collect(new Set<Item>())]
  for (const item of items) if (item.isList) item.skip(reason, skipped)
  const running = items
    .filter(isTask)
    .filter(({ status, isCleanup }) => status === 'running' && !isCleanup)
  for (const task of running) task.giveUp(reason, skipped.splice(0))
  const [first, ...others] = skipped
  if (first !== undefined)
    report(new BackgroundTaskError(first, reason, others), list.options.onError)
}
