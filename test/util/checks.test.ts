import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { BackgroundTaskError } from '../../src/index.ts'
import { checkMilliseconds, isThenable, kindOf, report } from '../../src/lib/errors.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { newThenable } from '../support/thenable.ts'
import { turn } from '../support/turn.ts'

watchReports()

describe('BackgroundTaskError', () => {
  it('holds the task, the original as cause, and what will not run', () => {
    const cause = Object.freeze(new TypeError('mailbox full'))
    const error = new BackgroundTaskError('sendEmail', cause, ['logEmail'])
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('BackgroundTaskError')
    expect(error.message).toBe('Task sendEmail failed: mailbox full')
    expect(error.task).toBe('sendEmail')
    expect(error.cause).toBe(cause)
    expect(error.skipped).toEqual(['logEmail'])
  })

  it('skips nothing unless it says so', () => {
    expect(new BackgroundTaskError('sendEmail', 'full').skipped).toEqual([])
  })

  it.each([
    ['a secret', 'string'],
    [undefined, 'undefined'],
    [null, 'object'],
    [42, 'number'],
    [{ password: 'secret' }, 'object'],
  ])('names the kind of a cause that is no error: %s', (cause, kind) => {
    const error = new BackgroundTaskError('sendEmail', cause)
    expect(error.message).toBe(`Task sendEmail failed: ${kind}`)
    expect(error.cause).toBe(cause)
  })

  // Its constructor threw, and the process ended.
  it.each<[string, object]>([
    [
      'has a message that throws',
      Object.defineProperty(new Error('bug'), 'message', {
        get() {
          throw new Error('no message')
        },
      }),
    ],
    ['has a symbol for a message', Object.assign(new Error('bug'), { message: Symbol('s') })],
    [
      'has no prototype to look at',
      new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error('no prototype')
          },
        },
      ),
    ],
  ])('can be made of a cause that %s', (_, cause) => {
    const error = new BackgroundTaskError('sendEmail', cause)
    expect(error.cause === cause).toBe(true)
    expect(error.message).toMatch(/^Task sendEmail failed: /)
  })
})

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

describe('kindOf()', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', 'a string'],
    [42, 'a number'],
    [true, 'a boolean'],
    [{}, 'an object'],
    [[], 'an object'],
    [() => {}, 'a function'],
    [Symbol('s'), 'a symbol'],
    [Promise.resolve(), 'a promise'],
    [newThenable(() => {}), 'a promise'],
  ])('%s is named %s', (value, kind) => {
    expect(kindOf(value)).toBe(kind)
  })
})

describe('isThenable()', () => {
  it('is true for the promise of another realm', () => {
    expect(isThenable(runInNewContext('Promise.resolve()'))).toBe(true)
  })

  it.each([undefined, null, 0, '', 'then', {}, () => {}])('is false for %s', (value) => {
    expect(isThenable(value)).toBe(false)
  })
})

describe('checkMilliseconds()', () => {
  it.each([1, 0.5, Infinity, undefined])('accepts %s', (value) => {
    expect(() => checkMilliseconds('wait', 'timeout', value)).not.toThrow()
  })

  it.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    ['5', 'a string'],
    [null, 'null'],
    [5n, 'a bigint'],
  ])('refuses %s', (value, kind) => {
    expect(() => checkMilliseconds('wait', 'timeout', value)).toThrow(
      new RangeError(`Cannot wait: timeout is ${kind}, pass milliseconds above 0`),
    )
  })
})
