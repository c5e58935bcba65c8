import { describe, expect, it } from 'vitest'
import { BackgroundTask, BackgroundTasks } from '../../src/index.ts'
import { End } from '../../src/response/outcome.ts'
import { inside } from '../../src/tasks/item.ts'
import type { List } from '../../src/tasks/list.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'

watchReports()

function newList(...tasks: (BackgroundTask | BackgroundTasks)[]): List {
  return new BackgroundTasks(tasks)[inside]
}

function newTask(name: string, run: () => unknown = () => {}): BackgroundTask {
  return new BackgroundTask({ name, run })
}

describe('The Contents of a list', () => {
  it('adds some before the others, in their order, and at the end once it runs', async () => {
    const calls: string[] = []
    const named = (name: string) => newTask(name, () => void calls.push(name))[inside]
    const list = newList()
    list.add(named('added'))
    list.addFirst(named('first'))
    list.addFirst(named('second'))
    const ended = list.start(new End('closed'))
    list.addFirst(named('late'))
    await ended
    await list.ended
    expect(calls).toEqual(['first', 'second', 'added', 'late'])
  })

  it('refuses a list that it is in itself', () => {
    const inner = newList()
    const outer = newList(inner.face as BackgroundTasks)
    expect(misuse(() => inner.add(outer))).toBe(
      'Cannot add the list: it contains this list, add its tasks instead',
    )
  })

  it('are empty without a task and a cleanup', () => {
    const [list, cleaned] = [newList(), newList()]
    cleaned.defer(newTask('cleanup')[inside])
    expect([list.isEmpty, newList(newTask('task')).isEmpty, cleaned.isEmpty]).toEqual([
      true,
      false,
      false,
    ])
  })

  it('collect to each thing in them once, however often it stands there', () => {
    const task = newTask('task')
    const inner = new BackgroundTasks([task])
    const list = newList(inner, task, inner)
    expect([...list.collect(new Set())]).toEqual([list, inner[inside], task[inside]])
  })

  it('collect to no cleanup but the one that runs', async () => {
    const gate = newGate()
    const [first, second] = [newTask('first'), newTask('second', () => gate.opened)]
    const list = newList()
    list.defer(first[inside])
    list.defer(second[inside])
    expect([...list.collect(new Set())]).toEqual([list])
    list.start(new End('closed'))
    await turn()
    expect([...list.collect(new Set())]).toEqual([list, second[inside]])
    gate.open()
    await list.ended
    expect([...list.collect(new Set())]).toEqual([list])
  })
})
