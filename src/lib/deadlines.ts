import { Bag, type Bagged } from './bag.ts'
import { longestTimer } from './errors.ts'
import { isWorker } from './platform.ts'

/** Something that expires unless it is forgotten first. */
export interface Expiring extends Bagged {
  /** When, as `performance.now()` counts. */
  deadline: number
  /** Where timers are not shared. */
  timer?: ReturnType<typeof setTimeout>
  expire(): void
}

/** How many are looked at in a millisecond, if that is to be a small part of it. */
const sweepRate = 1000

/** One timer for all: nearly every one is forgotten before it fires. */
const waiting = new Bag<Expiring>()
let sweepAt = Infinity
let timer: ReturnType<typeof setTimeout> | undefined
const ownSetTimeout = setTimeout

/** Calls `expire` after `delay` milliseconds. Keeps no process alive. */
export function watch(expiring: Expiring, delay: number): void {
  if (delay > longestTimer) return
  // A test that fakes the timers forgets them when it ends, and with them the one that all wait for.
  if (isWorker || setTimeout !== ownSetTimeout) {
    expiring.timer = startTimer(() => expiring.expire(), delay)
    return
  }
  // A whole number: another one would be an object of its own for each response on its way.
  expiring.deadline = Math.ceil(performance.now() + delay)
  waiting.add(expiring)
  schedule(expiring.deadline)
}

/** Forgets it. */
export function unwatch(expiring: Expiring): void {
  clearTimeout(expiring.timer)
  waiting.delete(expiring)
}

function schedule(deadline: number): void {
  if (deadline >= sweepAt) return
  clearTimeout(timer)
  sweepAt = deadline
  timer = startTimer(sweep, Math.max(1, Math.ceil(deadline - performance.now())))
}

/** Starts one that keeps no process alive. */
function startTimer(callback: () => void, delay: number): ReturnType<typeof setTimeout> {
  const started = setTimeout(callback, delay)
  const handle: { unref?: unknown } = Object(started)
  if (typeof handle.unref === 'function') handle.unref()
  return started
}

function sweep(): void {
  // A clock may be behind its timers, above all one that is faked only in part.
  const now = Math.max(performance.now(), sweepAt)
  sweepAt = Infinity
  let next = Infinity
  for (const expiring of waiting.items.slice()) {
    if (expiring.deadline > now) next = Math.min(next, expiring.deadline)
    else if (waiting.delete(expiring)) expiring.expire()
  }
  // Where very many wait they are not looked at for each one that is due.
  if (next < Infinity) schedule(Math.max(next, now + waiting.items.length / sweepRate))
}
