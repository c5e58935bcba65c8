import type { BackgroundTask } from './background-task.ts'
import { checkMilliseconds, longestTimer } from './errors.ts'
import { abandon, state, type Work } from './process-state.ts'

/** Counts `work` as accepted. */
export function track(work: Work): void {
  state.inFlight.add(work)
}

/** Takes `work` off the books: it has ended. */
export function untrack(work: Work): void {
  if (state.inFlight.delete(work) && state.inFlight.items.length === 0) {
    for (const wake of state.onIdle) wake()
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
 * @throws `RangeError` if `timeout` is not above 0.
 */
export async function drain(
  options: {
    /**
     * Milliseconds until the deadline.
     *
     * @default Infinity
     */
    timeout?: number
  } = {},
): Promise<{ finished: number; abandoned: BackgroundTask[] }> {
  const { timeout = Infinity } = options
  checkMilliseconds('drain the tasks', 'timeout', timeout)
  const before = state.ended
  // It also keeps the process alive, since the timers of unread responses do not.
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.min(timeout, longestTimer), true)
  })
  while (state.inFlight.items.length > 0) {
    if (await Promise.race([deadline, idle()])) break
  }
  clearTimeout(timer)

  const finished = state.ended - before
  const reason = new DOMException('The process shuts down', 'AbortError')
  const abandoned = [...state.inFlight.items].flatMap((work) => work[abandon](reason))
  return { finished, abandoned: [...new Set(abandoned)] }
}

function idle(): Promise<boolean> {
  return new Promise((resolve) => {
    const wake = (): void => {
      state.onIdle.delete(wake)
      resolve(false)
    }
    state.onIdle.add(wake)
  })
}
