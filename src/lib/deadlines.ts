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

/** Milliseconds between sweeps, at least. */
const sweepInterval = 20

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
  expiring.deadline = performance.now() + delay
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
  timer = setTimeout(sweep, Math.ceil(deadline - performance.now()))
  unref(timer)
}

function sweep(): void {
  sweepAt = Infinity
  const now = performance.now()
  for (const expiring of waiting.items.filter(({ deadline }) => deadline <= now)) {
    waiting.delete(expiring)
    expiring.expire()
  }
  let next = Infinity
  for (const { deadline } of waiting.items) next = Math.min(next, deadline)
  // Not one by one: each sweep looks at all that waits.
  if (next < Infinity) schedule(Math.max(next, now + sweepInterval))
}

function unref(handle: unknown): void {
  if (typeof handle === 'object' && handle !== null && 'unref' in handle) {
    if (typeof handle.unref === 'function') handle.unref()
  }
}
