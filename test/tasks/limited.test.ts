import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { beginWithin } from '../../src/tasks/limited.ts'
import { newGate } from '../support/gate.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { microtasks } from '../support/turn.ts'

watchReports()

/** A task that a limit decides about. */
function newTask() {
  const { opened: left, open: leave } = newGate()
  const begin = vi.fn<() => void>()
  const giveUp = vi.fn<(reason: unknown) => void>()
  return { task: { name: 'task', left, begin, giveUp }, leave }
}

describe('beginWithin()', () => {
  it('begins the task when run is called, once, and fulfils run when the task has left', async () => {
    const { task, leave } = newTask()
    const { promise: asked, resolve: ask } = Promise.withResolvers<() => Promise<void>>()
    beginWithin(ask, task)
    const run = await asked
    expect(task.begin).not.toHaveBeenCalled()
    const left = vi.fn<() => void>()
    const running = run()
    expect(run()).toBe(running)
    void running.then(left)
    await microtasks()
    expect(task.begin).toHaveBeenCalledOnce()
    expect(left).not.toHaveBeenCalled()
    leave()
    await microtasks()
    expect(left).toHaveBeenCalledOnce()
  })

  it('begins it in its own async context, whoever calls run', async () => {
    const requests = new AsyncLocalStorage<string>()
    const { task } = newTask()
    const seen: unknown[] = []
    task.begin.mockImplementation(() => void seen.push(requests.getStore()))
    const queue: (() => unknown)[] = []
    requests.run('its own', () => beginWithin((run) => queue.push(run), task))
    requests.run('another', () => queue.pop()?.())
    await microtasks()
    expect(seen).toEqual(['its own'])
  })

  const full = new Error('the queue is full')
  it.each<[string, () => unknown, unknown]>([
    [
      'throws',
      () => {
        throw full
      },
      full,
    ],
    ['rejects', () => Promise.reject(full), full],
    [
      'is done without having called run',
      () => Promise.resolve(),
      new Error('Cannot run the task: limit is done and has not called run, call it once'),
    ],
  ])('gives the task up when the limit %s', async (_, limit, reason) => {
    const { task } = newTask()
    beginWithin(limit, task)
    await microtasks()
    expect(task.giveUp.mock.calls).toEqual([[reason]])
    expect(task.begin).not.toHaveBeenCalled()
  })

  it('waits for a limit that returns no promise', async () => {
    const { task } = newTask()
    beginWithin(() => 'queued', task)
    await microtasks()
    expect(task.giveUp).not.toHaveBeenCalled()
  })

  it('only prints a failure once the task has its turn: its own end counts', async () => {
    const { task } = newTask()
    beginWithin(async (run) => {
      void run()
      throw full
    }, task)
    await microtasks()
    expect(task.giveUp).not.toHaveBeenCalled()
    expect(takePrinted()).toMatchObject([
      [{ message: 'The limit of task task failed', cause: full }],
    ])
  })
})
