import { describe, expect, it, vi } from 'vitest'
import { BackgroundTask, type TaskContext } from '../../src/index.ts'
import { End } from '../../src/response/outcome.ts'
import { inside, type Terms } from '../../src/tasks/item.ts'
import { isTask } from '../../src/tasks/task.ts'
import { BackgroundTasks } from '../../src/tasks/background-tasks.ts'
import { newGate } from '../support/gate.ts'
import { takePrinted, watchReports } from '../support/reports.ts'

watchReports()

const end = new End('closed')

function note(_number: number): void {}

describe('A Task', () => {
  it('is pending, it runs, it has ended, each once', async () => {
    const gate = newGate()
    const run = vi.fn<() => Promise<void>>(() => gate.opened)
    const task = new BackgroundTask(run)[inside]
    expect([task.status, task.hasStarted, task.isIdle]).toEqual(['pending', false, false])
    const ended = task.start(end)
    expect([task.status, task.hasStarted, task.isIdle]).toEqual(['running', true, false])
    // In two lists, say: both wait for the same end.
    expect(task.start(end)).toBe(ended)
    gate.open()
    await ended
    expect([task.status, task.hasStarted, task.isIdle]).toEqual(['fulfilled', true, true])
    expect(task.start(end)).toBeUndefined()
    expect(run).toHaveBeenCalledOnce()
  })

  it('returns no promise where its function returns none', () => {
    const task = new BackgroundTask(() => {})[inside]
    expect(task.start(end)).toBeUndefined()
    expect(task.status).toBe('fulfilled')
  })

  it('tells the list in which it ran of its failure, and that hears who to tell', async () => {
    const cause = new Error('bug')
    const onError = vi.fn<() => void>()
    const fail = vi.fn<NonNullable<Terms['list']>['fail']>(
      (_, skipped) => void skipped.push('next'),
    )
    const list = { outcome: undefined, willRun: () => true, fail, runAgain() {} }
    const task = new BackgroundTask(() => {
      throw cause
    })[inside]
    task.start(end, { list, onError })
    expect(fail).toHaveBeenCalledExactlyOnceWith(task.failure, ['next'], true)
    expect(task.failure).toMatchObject({ cause, skipped: ['next'] })
    expect(onError.mock.calls).toEqual([[task.failure]])
  })

  it('stops nothing as a cleanup, and is asked for neither a when nor a limit', () => {
    const fail = vi.fn<NonNullable<Terms['list']>['fail']>()
    const limit = vi.fn<() => void>()
    const task = new BackgroundTask(() => {
      throw new Error('bug')
    })[inside]
    task.isCleanup = true
    task.start(end, {
      list: { outcome: undefined, willRun: () => true, fail, runAgain() {} },
      when: [],
      limit,
    })
    expect(fail).toHaveBeenCalledExactlyOnceWith(task.failure, [], false)
    expect(limit).not.toHaveBeenCalled()
    expect(takePrinted()).toEqual([[task.failure]])
  })

  it('uses the terms of its list where it has none of its own', async () => {
    const when = vi.fn<() => boolean>(() => false)
    new BackgroundTask(() => expect.fail('It ran'))[inside].start(end, { when })
    expect(when).toHaveBeenCalledOnce()
    const own = new BackgroundTask({ run: () => {}, when: ['closed'] })[inside]
    own.start(end, { when })
    expect([when.mock.calls.length, own.status]).toEqual([1, 'fulfilled'])
  })
})

describe('Task.giveUp()', () => {
  it('counts it as rejected, aborts its signal, and waits for it no longer', async () => {
    const contexts: TaskContext[] = []
    const run = (context: TaskContext): Promise<never> => {
      contexts.push(context)
      return new Promise(() => {})
    }
    const task = new BackgroundTask({ run })[inside]
    const ended = task.start(end)
    task.giveUp('enough')
    await ended
    expect(task.result).toMatchObject({ status: 'rejected', error: 'enough' })
    expect(contexts.map(({ signal }) => [signal.aborted, signal.reason])).toEqual([
      [true, 'enough'],
    ])
    expect(takePrinted()).toEqual([[task.failure]])
  })
})

describe('Task.cancel()', () => {
  it('skips one that is pending, whose outcome is that of its response all the same', async () => {
    const task = new BackgroundTask(() => expect.fail('It ran'))[inside]
    task.cancel('not needed')
    task.start(new End('cancelled'))
    expect(await task.ended).toMatchObject({
      status: 'skipped',
      outcome: 'cancelled',
      error: 'not needed',
    })
  })

  // That was written to: the list hung.
  it('leaves the result alone that it has told before the response ended', async () => {
    const task = new BackgroundTask(() => {})[inside]
    task.cancel('not needed')
    const told = Object.freeze(await task.ended)
    task.start(new End('cancelled'))
    expect([told.outcome, task.result?.outcome]).toEqual(['closed', 'cancelled'])
  })
})

describe('A Task that was skipped after its response', () => {
  it('keeps its outcome where another list comes to it', () => {
    const task = new BackgroundTask({ run() {}, when: ['closed'] })[inside]
    task.start(new End('cancelled'))
    task.start(end)
    expect(task.result).toMatchObject({ status: 'skipped', outcome: 'cancelled' })
  })
})

describe('The function and arguments of a Task', () => {
  it('are let go of when it has ended, unless drain() has abandoned it', async () => {
    const [done, abandoned] = [new BackgroundTask(note, 1), new BackgroundTask(note, 2)]
    abandoned[inside].isAbandoned = true
    for (const task of [done, abandoned]) task[inside].start(end)
    expect([done.func, done.args]).toEqual([undefined, undefined])
    expect([typeof abandoned.func, abandoned.args]).toEqual(['function', [2]])
  })
})

describe('isTask()', () => {
  it('tells a task from a list', () => {
    expect(isTask(new BackgroundTask(() => {})[inside])).toBe(true)
    expect(isTask(new BackgroundTasks()[inside])).toBe(false)
  })
})
