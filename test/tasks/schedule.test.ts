import { describe, expect, it, vi } from 'vitest'
import { BackgroundTask, BackgroundTasks } from '../../src/index.ts'
import { End } from '../../src/response/outcome.ts'
import { type Item, inside } from '../../src/tasks/item.ts'
import { Schedule } from '../../src/tasks/schedule.ts'
import type { Task } from '../../src/tasks/task.ts'
import { newGate } from '../support/gate.ts'
import { watchReports } from '../support/reports.ts'
import { microtasks } from '../support/turn.ts'

watchReports()

/** What a schedule sees of a list. */
function newScheduled(items: Item[], concurrency = 1) {
  const cleanups: Task[] = []
  return {
    options: { concurrency, failure: 'stop' as const, timeout: 5000 },
    items,
    cleanups,
    stop: undefined as { readonly reason: unknown } | undefined,
    state: 'running',
    outcome: undefined,
    willRun: () => true,
    fail() {},
    runAgain() {},
    finish() {
      this.state = 'over'
    },
  }
}

function newTasks(calls: string[], ...names: string[]) {
  return names.map((name) => {
    const gate = newGate()
    const run = (): Promise<void> => {
      calls.push(name)
      return gate.opened
    }
    const task = new BackgroundTask({ name, run })
    return { item: task[inside], end: gate.open }
  })
}

describe('A Schedule', () => {
  it('starts as many as may run, and the next one when one has ended', async () => {
    const calls: string[] = []
    const tasks = newTasks(calls, 'one', 'two', 'three')
    const list = newScheduled(
      tasks.map(({ item }) => item),
      2,
    )
    new Schedule(list, new End('closed'), {}).proceed()
    expect(calls).toEqual(['one', 'two'])
    tasks[1]?.end()
    await microtasks()
    expect(calls).toEqual(['one', 'two', 'three'])
    for (const { end } of tasks) end()
    await microtasks()
    expect(list.state).toBe('over')
  })

  it('can be woken for what is added while fewer run than may', async () => {
    const calls: string[] = []
    const [one, two] = newTasks(calls, 'one', 'two')
    const list = newScheduled(one === undefined ? [] : [one.item], 2)
    const schedule = new Schedule(list, new End('closed'), {})
    schedule.proceed()
    if (two !== undefined) list.items.push(two.item)
    schedule.wake?.()
    await microtasks()
    expect(calls).toEqual(['one', 'two'])
    one?.end()
    two?.end()
    await microtasks()
    expect(list.state).toBe('over')
  })

  it('finishes at once where there is nothing', () => {
    const list = newScheduled([])
    new Schedule(list, new End('closed'), {}).proceed()
    expect(list.state).toBe('over')
  })

  it('hands down the terms of its list, else those of the list around it', async () => {
    const seen: unknown[] = []
    const item = new BackgroundTasks()[inside]
    item.start = (end, terms) => {
      seen.push(end.outcome, terms?.timeout, terms?.when, terms?.limit, terms?.onError, terms?.list)
      return undefined
    }
    const limit = vi.fn<(run: () => Promise<void>) => unknown>()
    const list = newScheduled([item])
    new Schedule(list, new End('errored'), { timeout: 1, when: ['errored'], limit }).proceed()
    expect(seen).toEqual(['errored', 5000, ['errored'], limit, undefined, list])
  })

  it('will run what it has not passed by, and a list that waits to be run again', async () => {
    const [one, two] = newTasks([], 'one', 'two')
    if (one === undefined || two === undefined) throw new Error('There are two')
    const inner = new BackgroundTasks()[inside]
    const list = newScheduled([inner, one.item, two.item])
    const schedule = new Schedule(list, new End('closed'), {})
    const willRun = (): boolean[] =>
      [inner, one.item, two.item].map((item) => schedule.willRun(item))
    expect(willRun()).toEqual([true, true, true])
    schedule.proceed()
    expect(willRun()).toEqual([false, false, true])
    schedule.again = [inner]
    expect(willRun()).toEqual([true, false, true])
    one.end()
    two.end()
    await microtasks()
    expect(willRun()).toEqual([false, false, false])
  })

  it('will run an item again that stands in it once more', () => {
    const [one] = newTasks([], 'one')
    if (one === undefined) throw new Error('There is one')
    const schedule = new Schedule(newScheduled([one.item, one.item]), new End('closed'), {})
    schedule.proceed()
    expect(schedule.willRun(one.item)).toBe(true)
  })

  it('skips what only its list was to run, once that is stopped', async () => {
    const calls: string[] = []
    const [item, wanted] = newTasks(calls, 'alone', 'wanted').map((task) => task.item)
    if (item === undefined || wanted === undefined) throw new Error('There are two')
    const list = newScheduled([item, wanted])
    item.isAddedTo(list)
    wanted.isAddedTo(list)
    wanted.isAddedTo({ outcome: undefined, willRun: () => true, fail() {}, runAgain() {} })
    list.stop = { reason: 'failed' }
    new Schedule(list, new End('closed'), {}).proceed()
    expect([item.isIdle, wanted.isIdle]).toEqual([true, false])
    expect(calls).toEqual([])
    expect(list.state).toBe('over')
  })
})
