import { describe, expect, it } from 'vitest'
import { find, type Probe } from '../../../src/hosts/find.ts'

const isText = (value: unknown): value is string => typeof value === 'string'

/** What the probes, in this order, find in the arguments. */
function findText(probes: readonly Probe[], ...args: unknown[]): string | undefined {
  return find(probes, args, isText)
}

describe('find()', () => {
  it('finds what a probe leads to, in any of three arguments', () => {
    expect(findText([(first) => first], 'first', 2, 3)).toBe('first')
    expect(findText([(_, second) => second?.['env']], 1, { env: 'second' })).toBe('second')
    expect(findText([(_, __, third) => third?.['a']?.['b']], 1, 2, { a: { b: 'third' } })).toBe(
      'third',
    )
  })

  it('takes the first probe that leads to one of the kind', () => {
    const probes: Probe[] = [
      (host) => host?.['number'],
      (host) => host?.['one'],
      (host) => host?.['two'],
    ]
    expect(findText(probes, { number: 1, one: 'one', two: 'two' })).toBe('one')
    expect(findText(probes, { number: 1, two: 'two' })).toBe('two')
  })

  it('asks no probe after the one that leads to it', () => {
    const asked: string[] = []
    const probes: Probe[] = ['one', 'two'].map((name) => () => {
      asked.push(name)
      return name
    })
    expect(findText(probes)).toBe('one')
    expect(asked).toEqual(['one'])
  })

  it('counts a probe that throws as one that leads to nothing', () => {
    const context = {
      get executionCtx(): never {
        throw new Error('This context has no ExecutionContext')
      },
      other: 'other',
    }
    const probes: Probe[] = [(host) => host?.['executionCtx'], (host) => host?.['other']]
    expect(findText(probes, context)).toBe('other')
    expect(findText(probes.slice(0, 1), context)).toBeUndefined()
  })

  it.each([[undefined], [null], [0], ['text'], [() => {}]])(
    'finds nothing below %s, without an error',
    (argument) => {
      expect(findText([(host) => host?.['a']?.['b']], argument)).toBeUndefined()
    },
  )

  it('finds nothing without arguments or probes', () => {
    expect(findText([(first) => first?.['a']])).toBeUndefined()
    expect(findText([], 'text')).toBeUndefined()
  })
})
