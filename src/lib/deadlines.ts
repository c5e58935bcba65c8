import { canShareTimers } from '#platform'
import { Bag, type Bagged } from './bag.ts'
import { longestTimer } from './errors.ts'

/** Something that expires unless it is forgotten first. */
export interface Expiring extends Bagged {
  /** When, as `performance.now()` counts. */
  deadline: number
  /** Where timers can not be shared. */
  timer?: ReturnType<typeof setTimeout>
  expire(): void
}

/** Deadlines are put off to the next multiple of this part of their delay: each costs a sweep. */
const grain = 1 / 16

/** One timer for all: nearly every one is forgotten before it fires. */
const waiting = new Bag<Expiring>()
let sweepAt = Infinity
let timer: ReturnType<typeof setTimeout> | undefined
let clock: typeof setTimeout | undefined

/** Calls `expire` after `delay` milliseconds. Keeps no process alive. */
export function watch(expiring: Expiring, delay: number): void {
  if (delay > longestTimer) return
  if (!canShareTimers) {
    expiring.timer = setTimeout(() => expiring.expire(), delay)
    return
  }
  const step = delay * grain
  expiring.deadline = Math.ceil((performance.now() + delay) / step) * step
  waiting.add(expiring)
  schedule(expiring.deadline)
}

/** Forgets it. */
export function unwatch(expiring: Expiring): void {
  clearTimeout(expiring.timer)
  waiting.delete(expiring)
}

function schedule(deadline: number): void {
  // A test may have faked the timers, or put the real ones back, since the last sweep was set.
  if (clock === setTimeout) {
    if (deadline >= sweepAt) return
    clearTimeout(timer)
  }
  clock = setTimeout
  sweepAt = deadline
  timer = setTimeout(sweep, Math.max(1, Math.ceil(deadline - performance.now())))
  const handle: { unref?: unknown } = Object(timer)
  if (typeof handle.unref === 'function') handle.unref()
}

function sweep(): void {
  sweepAt = Infinity
  const now = performance.now()
  let next = Infinity
  for (const expiring of waiting.items.slice()) {
    if (expiring.deadline > now) next = Math.min(next, expiring.deadline)
    else if (waiting.delete(expiring)) expiring.expire()
  }
  if (next < Infinity) schedule(next)
}
