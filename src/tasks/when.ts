import { type Outcome, outcomes, type ResponseEnd } from '../response/outcome.ts'
import { isThenable, refuse } from '../util/checks.ts'
import { handled } from '../util/report.ts'

/**
 * Outcomes for which a task runs, or a function that decides: it is asked once for each task, when its
 * turn has come, for `'thrown'` too. One that throws, or returns a promise, fails the task.
 *
 * The `when` of a task replaces that of its list, and a list in a list without one takes that of the
 * list around it. They are never combined.
 */
export type When = readonly Outcome[] | ((end: ResponseEnd) => boolean)

const answered = outcomes.slice(0, 4)

/** Whether a task runs after such an end. */
export function isFor(end: ResponseEnd, when: When = answered): boolean {
  if (typeof when !== 'function') return when.includes(end.outcome)
  const answer: unknown = when(end)
  if (isThenable(answer)) {
    void handled(Promise.resolve(answer))
    refuse('run the task', 'its when has returned a promise', 'return true or false')
  }
  return Boolean(answer)
}

/** Refuses outcomes that do not exist. A copy: what becomes of the list after that changes no task. */
export function checkedWhen(verb: string, when: unknown): When {
  if (typeof when === 'function') return when as Exclude<When, readonly unknown[]>
  if (Array.isArray(when) && when.every((outcome) => outcomes.includes(outcome))) return [...when]
  return refuse(verb, 'when is not a list of outcomes', `use ${outcomes.join(', ')}, or a function`)
}
