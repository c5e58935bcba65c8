import { checkMilliseconds } from '../util/checks.ts'
import { later } from '../util/later.ts'
import { checkOptions } from '../util/options.ts'
import { longestTimer } from '../util/timers.ts'
import { type BackgroundTask, isBackgroundTask } from './background-task.ts'
import { openTasks } from './in-flight.ts'
import { registry, whenIdle } from './registry.ts'
import type { Task } from './task.ts'

/**
 * Waits until no task of this process waits or runs, tasks added meanwhile included.
 *
 * At the deadline the tasks that are left are cancelled (their signals abort) and returned. Before
 * it nothing is aborted. Stop accepting requests first: `drain` waits for responses under way, not
 * for requests that have not reached their handler.
 *
 * @example Shut down
 * ```ts
 * import { drain } from 'background-tasks'
 *
 * const { abandoned } = await drain({ timeout: 10_000 })
 * for (const task of abandoned) console.error(`gave up on ${task.name}`)
 * ```
 * @param options How long to wait.
 * @returns How many tasks ended meanwhile, and the tasks given up on.
 * @throws `TypeError` if `options` is not an object.
 * @throws `RangeError` if `timeout` is not above 0. Both reject the promise.
 */
export async function drain(
  options: {
    /**
     * Milliseconds, above 0, until the deadline.
     *
     * @default Infinity
     */
    timeout?: number
  } = {},
): Promise<{ finished: number; abandoned: BackgroundTask[] }> {
  checkOptions('drain the tasks', options)
  const { timeout = Infinity } = options
  checkMilliseconds('drain the tasks', 'timeout', timeout)
  const before = registry.ended
  // It also keeps the process alive, since the timers of unread responses do not.
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.min(timeout, longestTimer), true)
  })
  while (registry.inFlight.items.length > 0) {
    const idle = whenIdle().then(() => false)
    if (await Promise.race([deadline, idle])) break
  }
  clearTimeout(timer)

  const finished = registry.ended - before
  const reason = new DOMException('The process shuts down', 'AbortError')
  const abandoned = new Set<Task>()
  abandonAll(abandoned, reason)
  if (abandoned.size > 0) {
    // Those that hear of it in a promise may add tasks too.
    await new Promise<void>(later)
    abandonAll(abandoned, reason)
  }
  return { finished, abandoned: [...abandoned].map(({ face }) => face).filter(isBackgroundTask) }
}

function abandonAll(abandoned: Set<Task>, reason: unknown): void {
  let known: number
  // What listens to a signal that aborts may add tasks.
  do {
    known = abandoned.size
    const left = openTasks(registry.inFlight.items)
    for (const task of left) {
      abandoned.add(task)
      task.isAbandoned = true
    }
    for (const task of left) task.cancel(reason)
  } while (abandoned.size > known)
}
