import { isThenable } from '../util/checks.ts'
import { continuation } from '../util/continuation.ts'
import { report } from '../util/report.ts'
import type { Terms } from './item.ts'

/** What a limit can decide about. */
interface Limited {
  readonly name: string
  /** When its place is free again. */
  readonly left: Promise<unknown>
  begin(): void
  giveUp(reason: unknown): void
}

/** Lets `limit` decide when the task begins: in its own async context, whoever calls `run`. */
export function beginWithin(limit: NonNullable<Terms['limit']>, task: Limited): void {
  const begin = continuation(() => task.begin())
  let isCalled = false
  // Fulfilled too when the task was given up on, or cancelled before.
  const left = task.left.then(() => {})
  const run = (): Promise<void> => {
    if (!isCalled) begin()
    isCalled = true
    return left
  }
  const fail = (reason: unknown): void => {
    // Once the task has its turn, its own end counts.
    if (!isCalled) task.giveUp(reason)
    else report(new Error(`The limit of task ${task.name} failed`, { cause: reason }))
  }
  try {
    const returned = limit(run)
    if (!isThenable(returned)) return
    Promise.resolve(returned).then(() => {
      if (isCalled) return
      fail(new Error('Cannot run the task: limit is done and has not called run, call it once'))
    }, fail)
  } catch (error) {
    fail(error)
  }
}
