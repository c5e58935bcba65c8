import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  checkCount,
  checkFunction,
  checkMilliseconds,
  isObject,
  isThenable,
  kindOf,
  refuse,
} from '../../src/util/checks.ts'
import { misuse } from '../support/misuse.ts'
import { newThenable } from '../support/thenable.ts'

describe('refuse()', () => {
  it('says what was wrong, and what to do, in an error of the kind', () => {
    expect(misuse(() => refuse('add the task', 'it is null', 'pass a function'))).toBe(
      'Cannot add the task: it is null, pass a function',
    )
    expect(
      misuse(() => refuse('drain the tasks', 'timeout is 0', 'pass more', RangeError), RangeError),
    ).toBe('Cannot drain the tasks: timeout is 0, pass more')
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

describe('isObject()', () => {
  it.each([{}, [], new Date(), Object.create(null)])('is true for %o', (value) => {
    expect(isObject(value)).toBe(true)
  })

  it.each([undefined, null, 'text', 1, () => {}])('is false for %s', (value) => {
    expect(isObject(value)).toBe(false)
  })
})

describe('checkFunction()', () => {
  it('accepts a function', () => {
    expect(() => checkFunction('add the task', 'it', () => {})).not.toThrow()
  })

  it('refuses anything else, and says what to pass', () => {
    expect(misuse(() => checkFunction('add the task', 'it', 'text'))).toBe(
      'Cannot add the task: it is a string, pass a function',
    )
    expect(
      misuse(() =>
        checkFunction('instrument the tasks', 'it', null, 'pass a function (task, run)'),
      ),
    ).toBe('Cannot instrument the tasks: it is null, pass a function (task, run)')
  })
})

const verb = 'drain the tasks'

describe('checkMilliseconds()', () => {
  it.each([1, 0.5, Infinity, undefined])('accepts %s', (value) => {
    expect(() => checkMilliseconds(verb, 'timeout', value)).not.toThrow()
  })

  it.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    ['5', 'a string'],
    [null, 'null'],
    [5n, 'a bigint'],
  ])('refuses %s', (value, kind) => {
    expect(misuse(() => checkMilliseconds(verb, 'timeout', value), RangeError)).toBe(
      `Cannot drain the tasks: timeout is ${kind}, pass milliseconds above 0`,
    )
  })
})

describe('checkCount()', () => {
  it.each([1, 7, Infinity])('accepts %s', (value) => {
    expect(() => checkCount('create the list', 'concurrency', value)).not.toThrow()
  })

  it.each<[unknown, string]>([
    [0, '0'],
    [1.5, '1.5'],
    [-Infinity, '-Infinity'],
    ['2', 'a string'],
    [undefined, 'undefined'],
  ])('refuses %s', (value, kind) => {
    expect(misuse(() => checkCount('create the list', 'concurrency', value), RangeError)).toBe(
      `Cannot create the list: concurrency is ${kind}, pass a whole number from 1 or Infinity`,
    )
  })
})
