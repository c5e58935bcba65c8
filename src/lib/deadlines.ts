import { canShareTimers } from '#platform'
import { longestTimer } from './errors.ts'

/** Something that expires unless it is forgotten first. */
export interface Expiring {
  expire(): void
  /** Where timers can not be shared. */
  timer?: ReturnType<typeof setTimeout>
}

interface Deadlines {
  /** What waits and since when, oldest first. */
  readonly since: Map<Expiring, number>
  timer: ReturnType<typeof setTimeout> | undefined
}

/** One timer for all that wait equally long: most are forgotten before it fires. */
const all = new Map<number, Deadlines>()

/** Calls `expire` after `delay` milliseconds. Keeps no process alive. */
export function watch(expiring: Expiring, delay: number): void {
  if (delay > longestTimer) return
  if (!canShareTimers) {
    expiring.timer = setTimeout(() => expiring.expire(), delay)
    return
  }
  let deadlines = all.get(delay)
  if (deadlines === undefined) all.set(delay, (deadlines = { since: new Map(), timer: undefined }))
  deadlines.since.set(expiring, performance.now())
  deadlines.timer ??= schedule(deadlines, delay, delay)
}

/** Forgets it. */
export function unwatch(expiring: Expiring, delay: number): void {
  clearTimeout(expiring.timer)
  all.get(delay)?.since.delete(expiring)
}

function schedule(deadlines: Deadlines, delay: number, wait: number): Deadlines['timer'] {
  const timer = setTimeout(() => {
    deadlines.timer = undefined
    const now = performance.now()
    for (const [expiring, since] of deadlines.since) {
      if (now - since < delay) {
        deadlines.timer = schedule(deadlines, delay, since + delay - now)
        return
      }
      deadlines.since.delete(expiring)
      expiring.expire()
    }
    all.delete(delay)
  }, wait)
  unref(timer)
  return timer
}

function unref(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) {
    if (typeof timer.unref === 'function') timer.unref()
  }
}
