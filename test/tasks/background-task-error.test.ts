import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { BackgroundTaskError } from '../../src/tasks/background-task-error.ts'

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

  // It read `failed: object`: Jest and node:vm have an Error of their own.
  it('has the message of an error of another realm, and of a DOMException', () => {
    const foreign: unknown = runInNewContext(`new TypeError('mailbox full')`)
    expect(foreign).not.toBeInstanceOf(Error)
    expect(new BackgroundTaskError('sendEmail', foreign).message).toContain('mailbox full')
    const aborted = new DOMException('given up', 'AbortError')
    expect(new BackgroundTaskError('sendEmail', aborted).message).toContain('given up')
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
