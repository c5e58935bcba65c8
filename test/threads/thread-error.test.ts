import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { decodeError, encodeError } from '../../src/threads/thread-error.ts'

/** The way between two threads. */
function send(thrown: unknown): unknown {
  return decodeError(structuredClone(encodeError(thrown)))
}

function sendError(error: Error): Error {
  const sent = send(error)
  return sent instanceof Error ? sent : expect.fail('It is no error')
}

describe('encodeError() and decodeError()', () => {
  it('keep name, message, stack and cause', () => {
    const error = new Error('outer', { cause: new TypeError('inner') })
    const { name, message, stack, cause } = sendError(error)
    expect({ name, message, stack }).toEqual({
      name: 'Error',
      message: 'outer',
      stack: error.stack,
    })
    expect(cause).toBeInstanceOf(TypeError)
    expect(cause).toMatchObject({ message: 'inner' })
  })

  it.each([EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    'keep the class %o',
    (Native) => {
      const sent = sendError(new Native('native'))
      expect(sent).toBeInstanceOf(Native)
      expect(Object.keys(sent)).toEqual([])
    },
  )

  it('keep a name that is no class of the language', () => {
    const sent = sendError(new DOMException('too slow', 'TimeoutError'))
    expect(sent.name).toBe('TimeoutError')
    expect(String(sent)).toBe('TimeoutError: too slow')
  })

  it('keep the errors of an AggregateError', () => {
    const sent = sendError(new AggregateError([new RangeError('one'), 'two'], 'both'))
    expect(sent).toBeInstanceOf(AggregateError)
    expect(sent).toMatchObject({ message: 'both', errors: [new RangeError('one'), 'two'] })
  })

  it.each([undefined, null, 'text', { length: 1 }])(
    'keep an AggregateError whose errors are %j',
    (errors) => {
      const sent = sendError(Object.assign(new AggregateError([], 'both'), { errors }))
      expect(sent).toBeInstanceOf(AggregateError)
      expect(sent).toMatchObject({ message: 'both', errors: [] })
    },
  )

  // They were left out.
  it('keep the errors of another error', () => {
    const error = Object.assign(new Error('invalid'), { errors: ['too short', 'too late'] })
    expect(sendError(error)).toMatchObject({ errors: ['too short', 'too late'] })
  })

  it('end a circle of AggregateErrors', () => {
    const error = new AggregateError([], 'round')
    error.errors.push(error)
    expect(sendError(error)).toMatchObject({ errors: [{ errors: [{ message: 'round' }] }] })
  })

  it('keep further properties, and the kind of those that have no clone', () => {
    const error = Object.assign(new Error('extended'), {
      code: 'E_FULL',
      details: { tries: 3 },
      retry: () => {},
    })
    expect(sendError(error)).toMatchObject({
      code: 'E_FULL',
      details: { tries: 3 },
      retry: '[object Function]',
    })
  })

  it('keep an error of another realm', () => {
    const error = runInNewContext("Object.assign(new TypeError('boom'), { code: 'E_FULL' })")
    expect(error).not.toBeInstanceOf(Error)
    expect(send(error)).toBeInstanceOf(TypeError)
    expect(send(error)).toMatchObject({ message: 'boom', code: 'E_FULL' })
  })

  it('set no prototype', () => {
    const error = new Error('hostile')
    Object.defineProperty(error, '__proto__', { value: { polluted: true }, enumerable: true })
    const sent = sendError(error)
    expect(sent).toBeInstanceOf(Error)
    expect(Reflect.get(sent, 'polluted')).toBeUndefined()
  })

  it('end a circle of causes', () => {
    const error = new Error('round')
    error.cause = error
    expect(sendError(error)).toMatchObject({ cause: { cause: { message: 'round' } } })
  })

  it('keep an error that is frozen', () => {
    const error = Object.freeze(new Error('plain'))
    expect(sendError(error)).toMatchObject({ message: 'plain', stack: error.stack })
  })

  it('give a stack to an error that has none', () => {
    const error = new Error('plain')
    delete error.stack
    const { message, stack } = sendError(error)
    expect(message).toBe('plain')
    expect(stack).toMatch(/^Error: plain\n/)
  })

  it.each([undefined, null, 0, 'a string', { status: 404 }, [1]])('keep %j', (thrown) => {
    expect(send(thrown)).toEqual(thrown)
  })

  it('keep the kind of a value that has no clone', () => {
    expect(send(Symbol('secret'))).toBe('[object Symbol]')
    expect(send(Promise.resolve())).toBe('[object Promise]')
  })
})
