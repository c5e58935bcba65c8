import { createContext, runInContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { unfitForJson } from '../../src/queue/json.ts'

class Point {
  readonly x = 1
}

class List extends Array<string> {}

const circle: Record<string, unknown> = {}
circle['self'] = { inner: [circle] }

/** What JSON does not keep. */
const lost = (kind: string): string => `${kind}, which JSON does not keep, pass plain data`

function nested(levels: number): unknown[] {
  let value: unknown[] = []
  for (let level = 1; level < levels; level += 1) value = [value]
  return value
}

function bare(properties: object): object {
  return Object.assign(Object.create(null), properties)
}

describe('unfitForJson()', () => {
  const shared = { copies: 2 }

  it.each<[string, unknown]>([
    ['null', null],
    ['text', 'text, and a whole pair: \u{1F600}'],
    ['a boolean', false],
    ['a number', -1.5],
    ['an array', [1, 'two', null, [true]]],
    ['an object', { a: { b: [1] } }],
    ['an object without a prototype', bare({ a: 1 })],
    ['an object of another realm', runInContext('({ a: [1] })', createContext())],
    ['the same object twice', [shared, { shared }]],
    ['a thousand levels', nested(1000)],
  ])('finds nothing wrong with %s, which comes back the same', (_, value) => {
    expect(unfitForJson(value)).toBeUndefined()
    expect(JSON.parse(JSON.stringify(value))).toEqual(value)
  })

  it('passes over a property that is undefined: it reads the same without it', () => {
    expect(unfitForJson({ a: undefined })).toBeUndefined()
  })

  it.each<[string, unknown]>([
    [lost('undefined'), undefined],
    [lost('NaN'), Number.NaN],
    [lost('-Infinity'), -Infinity],
    [lost('a bigint'), 1n],
    [lost('a symbol'), Symbol('secret')],
    [lost('a function'), () => {}],
    [lost('an instance of Date'), new Date(0)],
    [lost('an instance of Map'), new Map([['secret', 1]])],
    [lost('an instance of Uint8Array'), new Uint8Array(1)],
    [lost('an instance of Point'), new Point()],
    [lost('an instance of List'), List.of('secret')],
    [lost('an instance of a class'), Object.create({ constructor: undefined })],
    [lost('an instance of a class'), Object.create(bare({ secret: 1 }))],
    [lost('a circular reference'), circle],
    // A hole comes back as null.
    [lost('undefined'), Object.assign([], { 0: 1, 2: 3 })],
    [lost('undefined'), Object.assign([], { length: 1 })],
    [lost('an array with a property'), Object.assign([], { length: 1, a: 1 })],
    [lost('an array with a property'), 'secret'.match(/secret/)],
    [lost('a function'), { toJSON: () => 'secret' }],
    [lost('an array with a property'), Object.assign([1], { secret: 1 })],
    [lost('a symbol as a key'), { [Symbol('secret')]: 1 }],
    [lost('a hidden property'), Object.defineProperty({}, 'secret', { value: 1 })],
    ['-0, which JSON does not keep, pass 0', -0],
    ['the character U+0000, which cannot be stored, take it out', 'secret\0'],
    ['half a surrogate pair, which cannot be stored, repair it', 'secret\ud83d'],
    ['half a surrogate pair, which cannot be stored, repair it', '\udc00secret'],
    ['half a surrogate pair, which cannot be stored, repair it', { '\ud800': 1 }],
    ['the character U+0000, which cannot be stored, take it out', { 'secret\0': 1 }],
  ])('says %s, at the top and further in', (problem, value) => {
    expect(unfitForJson(value)).toBe(problem)
    expect(unfitForJson([value])).toBe(problem)
    expect(unfitForJson([{ first: 1, inner: [[value]] }])).toBe(problem)
  })

  it('refuses more than a thousand levels, and does not run out of stack', () => {
    expect(unfitForJson(nested(1001))).toBe('more than 1000 levels, pass flatter data')
    expect(unfitForJson(nested(1_000_000))).toBe('more than 1000 levels, pass flatter data')
  })
})
