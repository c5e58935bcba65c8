import { describe, expect, it } from 'vitest'
import { checkOptions } from '../../src/util/options.ts'
import { misuse } from '../support/misuse.ts'

const verb = 'create the list'

describe('checkOptions()', () => {
  it.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    ['continue', 'a string'],
    [() => {}, 'a function'],
  ])('refuses %s', (options, kind) => {
    expect(misuse(() => checkOptions(verb, options))).toBe(
      `Cannot create the list: the options are ${kind}, pass an object`,
    )
  })

  it('accepts the options of any place of the package, which one object can serve', () => {
    const options = { concurrency: 2, unreadTimeout: 5, storeTimeout: 5, threads: 1, tracer: {} }
    expect(() => checkOptions(verb, options)).not.toThrow()
    expect(() => checkOptions(verb, {})).not.toThrow()
  })

  it('refuses a name that no place knows, also of an object without a prototype', () => {
    const message = 'Cannot create the list: there is no option timeOut, check its spelling or'
    expect(misuse(() => checkOptions(verb, { timeOut: 5 }))).toContain(message)
    const bare = Object.assign(Object.create(null), { timeOut: 5 })
    expect(misuse(() => checkOptions(verb, bare))).toContain(message)
  })

  it('looks only at the own enumerable keys of plain objects', () => {
    class Settings {
      readonly retries = 3
    }
    expect(() => checkOptions(verb, new Settings())).not.toThrow()
    expect(() => checkOptions(verb, Object.create({ retries: 3 }))).not.toThrow()
    const hidden = Object.defineProperty({}, 'retries', { value: 3 })
    expect(() => checkOptions(verb, hidden)).not.toThrow()
    expect(() => checkOptions(verb, { [Symbol('retries')]: 3 })).not.toThrow()
  })
})
