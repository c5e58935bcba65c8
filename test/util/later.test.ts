import { beforeEach, describe, expect, it, vi } from 'vitest'
import { later } from '../../src/util/later.ts'
import { loadOn } from '../support/load-on.ts'
import { microtasks } from '../support/turn.ts'

const load = (): Promise<typeof import('../../src/util/later.ts')> =>
  import('../../src/util/later.ts')

function unsupported(): never {
  throw new Error('not supported')
}

let calls: string[] = []
beforeEach(() => {
  calls = []
})

describe('later()', () => {
  it('runs the job after what is due in this turn, and in the next one', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    later(() => {
      calls.push('job')
      resolve()
    })
    setImmediate(() => calls.push('macrotask'))
    await microtasks()
    calls.push('microtasks')
    await promise
    expect(calls).toEqual(['microtasks', 'macrotask', 'job'])
  })

  it('runs the jobs in their order, and the job of a job after them', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    later(() => {
      calls.push('first')
      later(() => {
        calls.push('inner')
        resolve()
      })
    })
    later(() => void calls.push('second'))
    await promise
    expect(calls).toEqual(['first', 'second', 'inner'])
  })

  it('goes on where a test fakes the timers', async () => {
    vi.useFakeTimers()
    try {
      await new Promise<void>(later)
    } finally {
      vi.useRealTimers()
    }
  })

  it.each<[string, unknown]>([
    ['is none', undefined],
    ['is one that throws, as in the edge runtime', unsupported],
  ])('uses timers where setImmediate %s', async (_, setImmediate) => {
    const timers: (() => void)[] = []
    const setTimeout = (callback: () => void): unknown => timers.push(callback)
    const there = await loadOn({ setImmediate, setTimeout }, load)
    there.later(() => void calls.push('job'))
    timers.shift()?.()
    expect(calls).toEqual([])
    timers.shift()?.()
    expect(calls).toEqual(['job'])
    expect(timers).toEqual([])
  })
})
