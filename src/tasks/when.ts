import { outcomes, type ResponseEnd } from '../response/outcome.ts'
import { isThenable, refuse } from '../util/checks.ts'
import { handled } from '../util/report.ts'
import type { When } from './item.ts'

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
