import { describe, expect, it, vi } from 'vitest'
import { BackgroundTask, BackgroundTasks } from '../../src/index.ts'
import { Exchange } from '../../src/response/exchange.ts'
import { End } from '../../src/response/outcome.ts'
import { inside, type Terms } from '../../src/tasks/item.ts'
import type { List } from '../../src/tasks/list.ts'
import { registry } from '../../src/tasks/registry.ts'
import { newGate } from '../support/gate.ts'
import { watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'

watchReports()

const end = new End('closed')
/** The tests look at the results themselves. */
const quiet = { onError(): void {} }

function newList(...tasks: (BackgroundTask | BackgroundTasks)[]): List {
  return new BackgroundTasks(tasks)[inside]
}

function newTask(name: string, run: () => unknown = () => {}): BackgroundTask {
  return new BackgroundTask({ name, run })
}

/** The request of a handler that adds to a list. */
function newRequest() {
  return { subscribe: vi.fn<() => void>() }
}

describe('A List', () => {
  it('says which of its states it is in', async () => {
    const gate = newGate()
    const list = newList(newTask('task', () => gate.opened))
    const states: string[] = [list.state]
    list.handle(newRequest())
    states.push(list.state)
    const exchange = new Exchange()
    list.waitFor(exchange)
    states.push(list.state)
    exchange.end('closed')
    await turn()
    states.push(list.state)
    gate.open()
    await list.ended
    states.push(list.state)
    expect(states).toEqual(['free', 'handling', 'waiting', 'running', 'over'])
  })

  it('is free again when its handler decides nothing', () => {
    const list = newList()
    list.handle(newRequest())
    expect([list.hasHandler, registry.inFlight.items]).toEqual([true, [list]])
    list.release()
    expect([list.state, registry.inFlight.items]).toEqual(['free', []])
  })

  it('may run what is in it from the beginning on, until it has passed that by or is over', async () => {
    const [first, second] = [newGate(), newGate()]
    const one = newTask('one', () => first.opened)
    const two = newTask('two', () => second.opened)
    const list = newList(one, two)
    const willRun = (): boolean[] => [one, two].map((task) => list.willRun(task[inside]))
    expect([list.state, ...willRun()]).toEqual(['free', true, true])
    list.handle(newRequest())
    expect([list.state, ...willRun()]).toEqual(['handling', true, true])
    list.start(new End('closed'))
    expect([list.state, ...willRun()]).toEqual(['running', false, true])
    first.open()
    await turn()
    expect([list.state, ...willRun()]).toEqual(['running', false, false])
    second.open()
    await list.ended
    expect([list.state, ...willRun()]).toEqual(['over', false, false])
  })

  it('runs nothing more once it is stopped', () => {
    const task = newTask('task')
    const list = newList(task)
    list.skip('failed', [])
    expect(list.willRun(task[inside])).toBe(false)
  })

  it('asks for the end of its response with the first that is added to it, once', async () => {
    const list = newList()
    const exchange = new Exchange()
    const request = newRequest()
    request.subscribe.mockImplementation(() => list.waitFor(exchange))
    list.handle(request)
    list.release()
    expect(request.subscribe).not.toHaveBeenCalled()
    list.add(newTask('one')[inside])
    list.add(newTask('two')[inside])
    expect(request.subscribe).toHaveBeenCalledOnce()
    exchange.end('closed')
    await turn()
    expect(list.state).toBe('over')
  })

  it('is watched from its start on, if that takes any time', async () => {
    const [short, long] = [vi.fn<(terms: Terms) => void>(), vi.fn<(terms: Terms) => void>()]
    const gate = newGate()
    const list = newList(newTask('task', () => gate.opened))
    for (const [given, watch] of [[newList(), short] as const, [list, long] as const]) {
      given.watch = watch
      given.start(new End('closed'), quiet)
    }
    expect([short.mock.calls, long.mock.calls]).toMatchObject([[], [[quiet]]])
    gate.open()
    await list.ended
    expect(long).toHaveBeenCalledOnce()
  })

  it('ends so as its handler threw, whatever becomes of the response', async () => {
    const list = newList(newTask('task'))
    list.thrown = { reason: 'bug' }
    list.start(new End('closed'))
    expect(await list.finished).toMatchObject([{ status: 'skipped', outcome: 'thrown' }])
  })
})

describe('List.skip()', () => {
  it('gives up on what has not started, but on what another list may still run', async () => {
    const [alone, shared, passed] = ['alone', 'shared', 'passed'].map((name) => newTask(name))
    if (!alone || !shared || !passed) throw new Error('There are three')
    const list = newList(alone, shared, passed)
    const other = newList(shared)
    const stopped = newList(passed)
    stopped.skip('failed before', [])
    expect(passed.status).toBe('pending')
    const skipped: string[] = []
    list.skip('failed', skipped)
    expect(skipped).toEqual(['alone', 'passed'])
    expect([alone, shared, passed].map(({ status }) => status)).toEqual([
      'skipped',
      'pending',
      'skipped',
    ])
    list.start(new End('closed'))
    // It was skipped here, and runs there.
    expect(await list.finished).toMatchObject([
      { name: 'alone', status: 'skipped', error: 'failed' },
      { name: 'shared', status: 'skipped', error: 'failed' },
      { name: 'passed', status: 'skipped', error: 'failed' },
    ])
    await other.start(new End('closed'))
    expect(shared.status).toBe('fulfilled')
  })
})

describe('A task that is skipped for a failure', () => {
  it('tells how its response ended, in a list in the list too', async () => {
    const [next, nested] = [newTask('next'), newTask('nested')]
    const failing = newTask('failing', async () => fail())
    const list = new BackgroundTasks([failing, next, new BackgroundTasks([nested])], quiet)
    const told: unknown[] = []
    for (const { finished } of [next, nested]) {
      void finished.then(({ status, outcome }) => told.push([status, outcome]))
    }
    await list[inside].start(new End('cancelled'))
    expect(told).toEqual([
      ['skipped', 'cancelled'],
      ['skipped', 'cancelled'],
    ])
  })
})

describe('What a list is running that another one holds too', () => {
  it('is not skipped where that one fails: a list', async () => {
    const gate = newGate()
    const last = newTask('last')
    const shared = new BackgroundTasks([newTask('first', () => gate.opened), last])
    const one = newList(shared)
    const two = new BackgroundTasks([newTask('failing', fail), shared], quiet)
    one.start(end)
    two[inside].start(end)
    await turn()
    gate.open()
    await one.ended
    expect(last.status).toBe('fulfilled')
  })

  it('is not skipped where that one fails: a task that waits for its limit', async () => {
    const runs: (() => Promise<void>)[] = []
    const shared = newTask('shared')
    const one = new BackgroundTasks([shared], { limit: (run) => runs.push(run) })[inside]
    const two = new BackgroundTasks([newTask('failing', fail), shared], quiet)
    one.start(end)
    two[inside].start(end)
    await turn()
    await runs[0]?.()
    await one.ended
    expect(shared.status).toBe('fulfilled')
  })
})

describe('A List to which something is added after its end', () => {
  it('runs it, and is another promise', async () => {
    const list = newList()
    list.start(new End('closed'))
    const before = list.ended
    const task = newTask('late')
    list.add(task[inside])
    expect([list.state, list.ended === before]).toEqual(['running', false])
    await list.ended
    expect(task.status).toBe('fulfilled')
  })

  it('has the list around it run it, which waits for that', async () => {
    const [gate, late] = [newGate(), newGate()]
    const inner = newList()
    const outer = newList(
      inner.face as BackgroundTasks,
      newTask('task', () => gate.opened),
    )
    outer.start(new End('closed'))
    expect([inner.state, outer.state]).toEqual(['over', 'running'])
    inner.add(newTask('late', () => late.opened)[inside])
    expect(inner.state).toBe('waiting')
    gate.open()
    await turn()
    expect([inner.state, outer.state]).toEqual(['running', 'running'])
    late.open()
    await outer.ended
    expect(inner.state).toBe('over')
  })
})

describe('A List that waits to be run again', () => {
  // It was woken by a list in it, which was added to as well.
  it('waits for its turn in the list around it', async () => {
    const starts: string[] = []
    const [one, two] = [newGate(), newGate()]
    const innermost = new BackgroundTasks()
    const inner = new BackgroundTasks([newTask('one', () => one.opened), innermost], {
      concurrency: 2,
    })
    const outer = newList(
      inner,
      newTask('two', () => two.opened),
    )
    outer.start(new End('closed'))
    one.open()
    await turn()
    inner.addTask(() => void starts.push('inner'))
    innermost.addTask(() => void starts.push('innermost'))
    await turn()
    expect(starts).toEqual([])
    two.open()
    await outer.ended
    expect(starts).toEqual(['inner', 'innermost'])
  })
})

describe('A task in two lists that both fail', () => {
  // The first one was opened again: the second one left the task to it, which had passed it by.
  it('is skipped, also where the first list goes on with what was added to it', async () => {
    const [first, second, added] = [newGate(), newGate(), newGate()]
    const task = newTask('task')
    const one = new BackgroundTasks([newTask('first', () => first.opened.then(fail)), task])
    const two = new BackgroundTasks([newTask('second', () => second.opened.then(fail)), task])
    const around = new BackgroundTasks([one, two], {
      concurrency: 2,
      failure: 'continue',
      onError() {},
    })
    void around.run().catch(() => {})
    first.open()
    await turn()
    expect(task.status).toBe('pending')
    one.addTask(newTask('added', () => added.opened))
    await turn()
    second.open()
    await turn()
    expect(task.status).toBe('skipped')
    added.open()
    await around.finished
  })
})

describe('A task that is added to a list that has ended, in a list that was stopped', () => {
  // It was left to another list, which had passed it by already: nobody ran it.
  it('is skipped, though another list holds its list too', async () => {
    const [failing, hanging] = [newGate(), newGate()]
    const inner = new BackgroundTasks([newTask('failing', () => failing.opened.then(fail))])
    const other = new BackgroundTasks([inner, newTask('hanging', () => hanging.opened)])
    const around = new BackgroundTasks([inner, other], { concurrency: 2, onError() {} })
    void around.run().catch(() => {})
    failing.open()
    await turn()
    const late = inner.addTask(newTask('late'))
    hanging.open()
    await around.finished
    expect(late.status).toBe('skipped')
    expect((await around.finished).map(({ name }) => name)).toEqual(['failing', 'late', 'hanging'])
  })
})

describe('A task that a list leaves to another one', () => {
  // Only the outermost list looked for why it was skipped: `finished` had no result for it.
  it('has been skipped for the list around the first one too', async () => {
    const shared = newTask('shared')
    const inner = new BackgroundTasks([newTask('failing', fail), shared], quiet)
    const outer = new BackgroundTasks([inner], { failure: 'continue' })
    // May still run it.
    newList(shared)
    await outer.run().catch(() => {})
    expect(await outer.finished).toMatchObject([
      { name: 'failing', status: 'rejected' },
      { name: 'shared', status: 'skipped', error: { message: 'bug' } },
    ])
    expect(shared.status).toBe('pending')
  })

  it('has been skipped there also when something was added to the first one after its end', async () => {
    const shared = newTask('shared')
    const list = new BackgroundTasks([newTask('failing', fail), shared], quiet)
    newList(shared)
    await list.run().catch(() => {})
    list.addTask(newTask('late'))
    expect((await list.finished).map(({ name, status }) => [name, status])).toEqual([
      ['failing', 'rejected'],
      ['shared', 'skipped'],
      ['late', 'fulfilled'],
    ])
  })
})

describe('A list that was added to after its end, and is left to another one', () => {
  // The second task counted it once more, for good: drain() waited in vain.
  it('is not in flight any more', async () => {
    const gate = newGate()
    const inner = new BackgroundTasks()
    const outer = new BackgroundTasks([inner, newTask('failing', () => gate.opened.then(fail))], {
      onError() {},
    })
    // May still run it.
    newList(inner)
    const running = outer.run().catch(() => {})
    inner.addTask(newTask('late'))
    inner.addTask(newTask('later'))
    gate.open()
    await running
    expect(registry.inFlight.items).toEqual([])
  })
})

function fail(): never {
  throw new Error('bug')
}
