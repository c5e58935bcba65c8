import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { BackgroundTask, BackgroundTasks } from '../../src/index.ts'
import { Exchange } from '../../src/response/exchange.ts'
import { End, type ResponseEnd } from '../../src/response/outcome.ts'
import { inside, insideOf, Item, type Parent } from '../../src/tasks/item.ts'
import { microtasks, turn } from '../support/turn.ts'

class Something extends Item {
  readonly isList = false
  readonly isIdle = false
  readonly ended = Promise.resolve()
  readonly starts: ResponseEnd[] = []
  readonly #job: () => void

  constructor(job: () => void = () => {}) {
    super({})
    this.#job = job
  }
  start(end: ResponseEnd): undefined {
    this.starts.push(end)
    this.resume()
  }
  protected proceed(): void {
    this.#job()
  }
  collect(items: Set<Item>): Set<Item> {
    return items.add(this)
  }
  protected isRunBesides(): boolean {
    return false
  }
  skip(): void {}
}

/** A list that may still run these. */
function newParent(...items: Item[]): Parent {
  return { outcome: undefined, willRun: (item) => items.includes(item), fail() {}, runAgain() {} }
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
  it('is wanted besides one by another that may still run it', () => {
    const something = new Something()
    const [one, other, third] = [
      newParent(something),
      newParent(new Something()),
      newParent(something),
    ]
    expect(something.isWantedBesides(one)).toBe(false)
    something.isAddedTo(one)
    something.isAddedTo(one)
    expect(something.isWantedBesides(one)).toBe(false)
    something.isAddedTo(other)
    expect(something.isWantedBesides(one)).toBe(false)
    expect(something.isWantedBesides(other)).toBe(true)
    something.isAddedTo(third)
    expect(something.isWantedBesides(one)).toBe(true)
  })

  it('starts where it is called, unless it keeps the async context of its own', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const note = (): unknown => seen.push(requests.getStore())
    const [free, kept] = [new Something(note), new Something(note)]
    requests.run('its own', () => kept.keepContext())
    requests.run('the caller', () => {
      for (const something of [free, kept]) something.start(new End('closed'))
    })
    await microtasks()
    expect(seen).toEqual(['the caller', 'its own'])
  })

  it('keeps its async context however often it starts', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const something = new Something(() => seen.push(requests.getStore()))
    requests.run('its own', () => something.keepContext())
    for (const caller of ['one', 'another']) {
      requests.run(caller, () => something.start(new End('closed')))
      await microtasks()
    }
    expect(seen).toEqual(['its own', 'its own'])
  })

  it('waits for the response that it was given last', async () => {
    const something = new Something()
    const [first, last] = [new Exchange(), new Exchange()]
    something.waitFor(first)
    something.waitFor(last)
    first.end('cancelled')
    await turn()
    expect(something.starts).toEqual([])
    last.end('closed')
    await turn()
    expect(something.starts).toMatchObject([{ outcome: 'closed' }])
  })
})
