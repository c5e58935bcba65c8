import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { BackgroundTask, BackgroundTasks } from '../../src/index.ts'
import { inside, insideOf, Listed, type Parent } from '../../src/tasks/item.ts'
import { microtasks } from '../support/turn.ts'

class Something extends Listed {
  start(job: () => void): void {
    this.inContext(job)
  }
}

function newParent(isAccepted: boolean): Parent {
  return { isAccepted, fail() {}, runAgain() {} }
}

describe('insideOf()', () => {
  it('is what a public object holds', () => {
    const [task, tasks] = [new BackgroundTask(() => {}), new BackgroundTasks()]
    expect(insideOf(task)).toBe(task[inside])
    expect(insideOf(tasks)).toBe(tasks[inside])
    expect([task, tasks].map((face) => insideOf(face)?.isList)).toEqual([false, true])
  })

  it.each([[undefined], [null], ['text'], [{}], [{ [inside]: 5 }], [() => {}]])(
    'is none of %o',
    (value) => {
      expect(insideOf(value)).toBeUndefined()
    },
  )

  it('is found under a name that all copies of the package agree on', () => {
    expect(Symbol.keyFor(inside)).toBe('background-tasks.inside')
  })
})

describe('What stands in lists', () => {
  it('is wanted besides one by another that is going to run what it holds', () => {
    const something = new Something()
    const [one, other, third] = [newParent(true), newParent(false), newParent(true)]
    expect(something.isWantedBesides(one)).toBe(false)
    something.isAddedTo(one)
    something.isAddedTo(one)
    expect(something.isWantedBesides(one)).toBe(false)
    expect(something.isWantedBesides(undefined)).toBe(true)
    something.isAddedTo(other)
    expect(something.isWantedBesides(one)).toBe(false)
    expect(something.isWantedBesides(other)).toBe(true)
    something.isAddedTo(third)
    expect(something.isWantedBesides(one)).toBe(true)
  })

  it('starts where it is called, unless it keeps the async context of its own', async () => {
    const requests = new AsyncLocalStorage<string>()
    const [free, kept] = [new Something(), new Something()]
    const seen: unknown[] = []
    requests.run('its own', () => kept.keepContext())
    requests.run('the caller', () => {
      for (const something of [free, kept]) something.start(() => seen.push(requests.getStore()))
    })
    await microtasks()
    expect(seen).toEqual(['the caller', 'its own'])
  })
})
