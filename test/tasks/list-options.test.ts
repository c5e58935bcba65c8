import { describe, expect, it } from 'vitest'
import type { BackgroundTasksOptions } from '../../src/index.ts'
import { checkedListOptions, defaultOptions } from '../../src/tasks/list-options.ts'
import { misuse } from '../support/misuse.ts'

describe('checkedListOptions()', () => {
  it('is in order, and stops, by default', () => {
    expect(checkedListOptions({})).toEqual({ concurrency: 1, failure: 'stop' })
    expect(defaultOptions).toEqual({ concurrency: 1, failure: 'stop' })
  })

  it('copies what a list uses: what becomes of the object after that changes no list', () => {
    const given: BackgroundTasksOptions = {
      concurrency: 2,
      failure: 'continue',
      limit: (run) => run(),
      timeout: 5,
      when: ['closed'],
      onError: () => {},
    }
    const copy = checkedListOptions({ ...given, unreadTimeout: 5 } as BackgroundTasksOptions)
    expect(copy).toEqual(given)
    expect(copy.when).not.toBe(given.when)
  })

  it('takes options that are inherited', () => {
    expect(checkedListOptions(Object.create({ concurrency: 3 })).concurrency).toBe(3)
  })

  it('looks once at those of a handler, not with each request', () => {
    const copy = checkedListOptions({ concurrency: 2 })
    expect(checkedListOptions(copy)).toBe(copy)
  })

  it.each<[object, string]>([
    [{ failure: 'halt' }, "failure is a string, pass 'stop' or 'continue'"],
    [{ limit: 5 }, 'limit is a number, pass a function'],
    [{ onError: null }, 'onError is null, pass a function'],
    [{ when: 'closed' }, 'when is not a list of outcomes'],
    [{ concurency: 2 }, 'there is no option concurency'],
  ])('refuses %o', (options, message) => {
    expect(misuse(() => checkedListOptions(options))).toContain(
      `Cannot create the list: ${message}`,
    )
  })

  it.each<[BackgroundTasksOptions, string]>([
    [{ concurrency: 0 }, 'concurrency is 0'],
    [{ timeout: 0 }, 'timeout is 0'],
  ])('refuses the number in %o', (options, message) => {
    expect(misuse(() => checkedListOptions(options), RangeError)).toContain(message)
  })
})
