import { describe, expect, it } from 'vitest'
import { BackgroundTask, BackgroundTasks, inFlight } from '../../src/index.ts'
import { openTasks } from '../../src/tasks/in-flight.ts'
import { inside } from '../../src/tasks/item.ts'
import { newGate } from '../support/gate.ts'
import { watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'

watchReports()

describe('inFlight()', () => {
  it('holds the tasks that wait or run, those of lists in lists too, each once', async () => {
    const gate = newGate()
    const [first, second] = [new BackgroundTask(() => gate.opened), new BackgroundTask(() => {})]
    const tasks = new BackgroundTasks([first, new BackgroundTasks([second, first])])
    expect(inFlight()).toEqual([])
    const running = tasks.run()
    expect(inFlight()).toEqual([first, second])
    expect(inFlight().map(({ status }) => status)).toEqual(['running', 'pending'])
    gate.open()
    await running
    expect(inFlight()).toEqual([])
  })

  it('is a snapshot', () => {
    expect(inFlight()).not.toBe(inFlight())
  })

  it('leaves out cleanups, for which drain() waits', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.defer(() => gate.opened)
    const running = tasks.run()
    await turn()
    expect(inFlight()).toEqual([])
    expect(openTasks([tasks[inside]]).map(({ isCleanup }) => isCleanup)).toEqual([true])
    gate.open()
    await running
  })
})
