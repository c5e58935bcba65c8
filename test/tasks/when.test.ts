import { describe, expect, it, vi } from 'vitest'
import { End } from '../../src/response/outcome.ts'
import { checkedWhen, isFor, type When } from '../../src/tasks/when.ts'
import { misuse } from '../support/misuse.ts'
import { watchReports } from '../support/reports.ts'
import { everyOutcome } from '../support/witness.ts'

watchReports()

const allowed = (when?: When): unknown[] =>
  everyOutcome.filter((outcome) => isFor(new End(outcome), when))

describe('isFor()', () => {
  it('is for every answer by default, and not for what the handler threw', () => {
    expect(allowed()).toEqual(['closed', 'cancelled', 'errored', 'unread'])
  })

  it('is for the outcomes that are named', () => {
    expect(allowed(['thrown', 'closed'])).toEqual(['closed', 'thrown'])
    expect(allowed([])).toEqual([])
  })

  it('is for what a function says yes to, which sees the end', () => {
    expect(allowed(({ outcome }) => outcome === 'thrown')).toEqual(['thrown'])
    const answered = new End('closed', undefined, new Response(null, { status: 404 }))
    expect(isFor(answered, ({ response }) => response?.ok === true)).toBe(false)
  })

  it('refuses a promise, which would always be a yes, and leaves its rejection to nobody', () => {
    const when = vi.fn<() => never>()
    when.mockReturnValue(Promise.reject(new Error('no answer')) as never)
    expect(misuse(() => isFor(new End('closed'), when))).toBe(
      'Cannot run the task: its when has returned a promise, return true or false',
    )
  })
})

describe('checkedWhen()', () => {
  it('copies a list of outcomes, and takes a function as it is', () => {
    const outcomes = ['closed', 'thrown']
    const copy = checkedWhen('create the list', outcomes)
    outcomes.pop()
    expect(copy).toEqual(['closed', 'thrown'])
    const decide = vi.fn<() => boolean>()
    expect(checkedWhen('create the list', decide)).toBe(decide)
    expect(decide).not.toHaveBeenCalled()
  })

  it('says which outcomes there are', () => {
    expect(misuse(() => checkedWhen('create the list', 'closed'))).toBe(
      'Cannot create the list: when is not a list of outcomes, use closed, cancelled, errored, unread, thrown, or a function',
    )
  })
})
