import { describe, expect, it } from 'vitest'
import { added, none } from '../../src/util/added.ts'

describe('added()', () => {
  it('makes an array for the first value, and adds the others to that', () => {
    const values = added<string>(none, 'first')
    expect(values).toEqual(['first'])
    expect(added(values, 'second')).toBe(values)
    expect(values).toEqual(['first', 'second'])
  })

  it('leaves alone what all share that have nothing yet', () => {
    const [one, other] = [added<string>(none, 'one'), added<string>(none, 'other')]
    expect([one, other, none]).toEqual([['one'], ['other'], []])
  })

  it('adds to an empty array that is not shared', () => {
    const own: string[] = []
    expect(added(own, 'value')).toBe(own)
    expect(own).toEqual(['value'])
  })
})
