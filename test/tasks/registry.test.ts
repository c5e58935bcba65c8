import { describe, expect, it, vi } from 'vitest'
import { BackgroundTask } from '../../src/index.ts'
import { inside } from '../../src/tasks/item.ts'
import { registry, track, untrack, whenIdle } from '../../src/tasks/registry.ts'
import { loadOn } from '../support/load-on.ts'
import { watchReports } from '../support/reports.ts'
import { microtasks } from '../support/turn.ts'

watchReports()

describe('The registry', () => {
  it('is one for all copies of the package in the process', async () => {
    const other = await loadOn({}, () => import('../../src/tasks/registry.ts'))
    expect(other.track).not.toBe(track)
    expect(other.registry).toBe(registry)
  })
})

describe('whenIdle()', () => {
  it('fulfils when the last item that is tracked is no longer', async () => {
    const [one, two] = [new BackgroundTask(() => {})[inside], new BackgroundTask(() => {})[inside]]
    track(one)
    track(two)
    // One that is tracked twice is there once.
    track(one)
    const wake = vi.fn<() => void>()
    void whenIdle().then(wake)
    untrack(one)
    // Nor does one count that is not there.
    untrack(one)
    await microtasks()
    expect(wake).not.toHaveBeenCalled()
    untrack(two)
    await microtasks()
    expect(wake).toHaveBeenCalledOnce()
    expect(registry.onIdle).toEqual([])
  })
})
