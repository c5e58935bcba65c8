import { createContext, runInContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { lostInJson } from '../src/lib/json.ts'

class Point {
  readonly x = 1
}

const circle: Record<string, unknown> = {}
circle['self'] = { inner: [circle] }

describe('lostInJson()', () => {
  const shared = { copies: 2 }

  it.each<[string, unknown]>([
    ['null', null],
    ['text', 'text'],
    ['a boolean', false],
    ['a number', -1.5],
    ['an array', [1, 'two', null, [true]]],
    ['an object', { a: { b: [1] } }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['an object of another realm', runInContext('({ a: [1] })', createContext())],
    ['the same object twice', [shared, { shared }]],
  ])('finds nothing in %s, which comes back the same', (_, value) => {
    expect(lostInJson(value)).toBeUndefined()
    expect(JSON.parse(JSON.stringify(value))).toEqual(value)
  })

  it('passes over a property that is undefined: it reads the same without it', () => {
    expect(lostInJson({ a: undefined })).toBeUndefined()
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['-Infinity', -Infinity],
    ['a bigint', 1n],
    ['a symbol', Symbol('secret')],
    ['a function', () => {}],
    ['an instance of Date', new Date(0)],
    ['an instance of Map', new Map([['secret', 1]])],
    ['an instance of Uint8Array', new Uint8Array(1)],
    ['an instance of Point', new Point()],
    ['a circular reference', circle],
  ])('finds %s, at the top and further in', (kind, value) => {
    expect(lostInJson(value)).toBe(kind)
    expect(lostInJson([value])).toBe(kind)
    expect(lostInJson([{ first: 1, list: [value] }])).toBe(kind)
  })

  it('finds the hole of an array, which comes back as null', () => {
    // oxlint-disable-next-line no-sparse-arrays
    expect(lostInJson([1, , 3])).toBe('undefined')
  })

  it('finds an instance whose class says nothing of itself', () => {
    expect(lostInJson(Object.create({ constructor: undefined }))).toBe('an instance of a class')
  })
})
