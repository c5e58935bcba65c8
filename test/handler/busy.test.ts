import { describe, expect, it, vi } from 'vitest'
import { holdWhileBusy } from '../../src/handler/busy.ts'
import { BackgroundTask } from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'

watchReports()

/** An adapter that notes what it is given, and which of that has ended. */
function newAdapter() {
  const held: Promise<unknown>[] = []
  const ended = vi.fn<() => void>()
  return {
    held,
    ended,
    waitUntil(promise: Promise<unknown>): void {
      held.push(promise)
      void promise.then(ended)
    },
  }
}

/** A task that runs until its gate is opened. */
function startTask(): { end: () => Promise<unknown> } {
  const gate = newGate()
  const task = new BackgroundTask(() => gate.opened)
  void task.run()
  return {
    end: () => {
      gate.open()
      return task.finished
    },
  }
}

describe('holdWhileBusy()', () => {
  it('gives an adapter one promise for all of a busy period, and another one in the next', async () => {
    const adapter = newAdapter()
    for (const period of [1, 2]) {
      const [first, second] = [startTask(), startTask()]
      holdWhileBusy(adapter)
      holdWhileBusy(adapter)
      await first.end()
      await turn()
      holdWhileBusy(adapter)
      expect([adapter.held.length, adapter.ended.mock.calls.length]).toEqual([period, period - 1])
      await second.end()
      await turn()
      expect(adapter.ended).toHaveBeenCalledTimes(period)
    }
  })

  it('does not end between two requests, where nothing is left for a moment', async () => {
    const adapter = newAdapter()
    const first = startTask()
    holdWhileBusy(adapter)
    const next = first.end().then(startTask)
    const second = await next
    await turn()
    expect(adapter.ended).not.toHaveBeenCalled()
    await second.end()
    await turn()
    expect(adapter.ended).toHaveBeenCalledOnce()
  })

  it('gives each adapter the same promise, and asks nothing where there is none', async () => {
    const [one, other] = [newAdapter(), newAdapter()]
    // Each its own function: two that share a prototype are one.
    other.waitUntil = (promise) => void other.held.push(promise)
    const task = startTask()
    for (const adapter of [one, other, undefined]) holdWhileBusy(adapter)
    expect(other.held).toEqual(one.held)
    expect(one.held).toHaveLength(1)
    await task.end()
    await turn()
  })
})
