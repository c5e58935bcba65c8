import { inspect as show } from 'node:util'
import { describe, expect, it } from 'vitest'
import { inspect, shown, type ShowRest } from '../../src/tasks/inspect.ts'

class Parcel {
  [inspect](_depth: number, ...rest: ShowRest): string {
    return shown(this, { to: 'Ada' }, ...rest)
  }
  readonly internal = 'not shown'
}

describe('shown()', () => {
  it('is what console.log prints: the name of the class, and these properties alone', () => {
    expect(show(new Parcel())).toBe(`Parcel { to: 'Ada' }`)
    expect(show([new Parcel()])).toBe(`[ Parcel { to: 'Ada' } ]`)
  })

  it('keeps the options of who prints', () => {
    expect(show(new Parcel(), { colors: true })).toBe(`Parcel { to: \u001B[32m'Ada'\u001B[39m }`)
  })
})
