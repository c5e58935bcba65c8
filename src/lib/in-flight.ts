import type { BackgroundTask } from './background-task.ts'
import { checkMilliseconds, checkObject, longestTimer } from './errors.ts'
import { collect, hasEnded, isIdle, state, type Work } from './process-state.ts'

/** Counts `work` as accepted. */
export function track(work: Work): void {
  state.inFlight.add(work)
}

/** Takes `work` off the books: it has ended. */
export function untrack(work: Work): void {
  if (state.inFlight.delete(work) && state.inFlight.items.length === 0) {
    for (const wake of state.onIdle.splice(0)) wake()
  }
}

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
  checkObject('drain the tasks', options)
  const { timeout = Infinity } = options
  checkMilliseconds('drain the tasks', 'timeout', timeout)
  const before = state.ended
  // It also keeps the process alive, since the timers of unread responses do not.
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.min(timeout, longestTimer), true)
  })
  while (state.inFlight.items.length > 0) {
    const idle = new Promise<boolean>((resolve) => state.onIdle.push(() => resolve(false)))
    if (await Promise.race([deadline, idle])) break
  }
  clearTimeout(timer)

  const finished = state.ended - before
  const reason = new DOMException('The process shuts down', 'AbortError')
  const abandoned = new Set<BackgroundTask>()
  // What listens to a signal that aborts may add tasks.
  let known: number
  do {
    known = abandoned.size
    for (const task of abandon(state.inFlight.items, reason)) abandoned.add(task)
  } while (abandoned.size > known)
  return { finished, abandoned: [...abandoned] }
}

/** Cancels what has not ended, and names it. */
export function abandon(works: Iterable<Work>, reason: unknown): BackgroundTask[] {
  const items = new Set<Work>()
  for (const work of works) work[collect](items)
  const tasks = [...items].filter(isTask).filter((task) => !task[isIdle])
  for (const task of tasks) task.cancel(reason)
  return tasks
}

/** Tells a task from a list, also those of another copy of this package. */
export function isTask(work: object): work is BackgroundTask {
  return !(hasEnded in work)
}
