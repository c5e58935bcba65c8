import { type Deadline, onUnload } from '../hosts/deadline.ts'
import { report } from '../util/report.ts'
import { startTimer } from '../util/timers.ts'
import { BackgroundTaskError } from './background-task-error.ts'
import type { Item, Terms } from './item.ts'
import type { List } from './list.ts'
import { isTask } from './task.ts'

/** Milliseconds before the end that are left to cleanups, and to whoever hears of it. */
const longestMargin = 1000

/** On a platform that says itself when it ends the process. */
const watched = new Set<() => void>()
onUnload(() => watched.forEach((end) => end()))

/** Gives up on what is left in the list shortly before the platform does. */
export function watchDeadline(list: List, deadline: Deadline, onError: Terms['onError']): void {
  const remaining = deadline.remaining()
  const margin = Math.min(longestMargin, remaining / 10)
  const end = (): void => expire(list, deadline, onError)
  const timer = startTimer(end, Math.max(0, remaining - margin))
  if (timer === undefined) watched.add(end)
  void list.ended.then(() => {
    clearTimeout(timer)
    watched.delete(end)
  })
}

/** Cleanups still run. */
function expire(list: List, { platform }: Deadline, onError: Terms['onError']): void {
  const advice = 'move what takes so long to a queue'
  const reason = new DOMException(`${platform} ends the request now, ${advice}`, 'TimeoutError')
  const items = [...list.collect(new Set<Item>())]
  const tasks = items.filter(isTask)
  const pending = tasks.filter(({ status }) => status === 'pending')
  const running = tasks.filter(({ status, isCleanup }) => status === 'running' && !isCleanup)
  // A list that has begun is skipped by none around it.
  for (const item of items) if (item.isList) item.skip(reason, [])
  const skipped = pending.filter(({ status }) => status === 'skipped').map(({ name }) => name)
  for (const task of running) task.giveUp(reason, skipped.splice(0))
  const [first, ...others] = skipped
  if (first !== undefined) report(new BackgroundTaskError(first, reason, others), onError)
}
