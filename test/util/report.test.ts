import { describe, expect, it, vi } from 'vitest'
import { handled, report } from '../../src/util/report.ts'
import { rejection } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { newThenable } from '../support/thenable.ts'
import { turn } from '../support/turn.ts'

watchReports()

describe('report()', () => {
  const error = new Error('bug')

  it('prints the error when there is nobody to hear of it', () => {
    report(error)
    expect(takePrinted()).toEqual([[error]])
  })

  it('survives a console that cannot print at all', () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {
      throw new Error('no errors in the tests of this project')
    })
    report(error)
    expect(print).toHaveBeenCalled()
  })

  it('tells who wants to hear, and prints nothing', async () => {
    const onError = vi.fn<(error: Error) => void>()
    report(error, onError)
    await turn()
    expect(onError).toHaveBeenCalledExactlyOnceWith(error)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('of onError')
      },
    ],
    ['rejects', () => Promise.reject(new Error('of onError'))],
    [
      'returns what cannot be waited for',
      () =>
        newThenable(() => {
          throw new Error('of onError')
        }),
    ],
  ])('prints both errors when who hears of it %s', async (_, onError) => {
    report(error, onError)
    await turn()
    expect(takePrinted()).toEqual([[error, new Error('of onError')]])
  })

  it('survives an error that cannot be printed', () => {
    vi.mocked(console.error).mockImplementationOnce(() => {
      throw new Error('of the inspection')
    })
    report(error)
    // What there was to say is said in another way.
    expect(takePrinted().flat().join(' ')).toContain('bug')
  })
})

describe('handled()', () => {
  it('returns the same promise, whose rejection may be left to nobody', async () => {
    const cause = new Error('bug')
    const promise = Promise.reject(cause)
    expect(handled(promise)).toBe(promise)
    // Two turns of the event loop: a rejection left to nobody would have been seen.
    await turn()
    expect(await rejection(promise)).toBe(cause)
  })
})
