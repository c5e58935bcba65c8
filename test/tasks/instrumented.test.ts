import { describe, expect, it, vi } from 'vitest'
import { BackgroundTask, instrument, type TaskResult } from '../../src/index.ts'
import { instrumented } from '../../src/tasks/instrumented.ts'
import { newGate } from '../support/gate.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { microtasks } from '../support/turn.ts'

watchReports()

const result: TaskResult = { name: 'task', status: 'fulfilled', outcome: 'closed', duration: 1 }

/** What instruments run around: `perform` ends it. */
function newInstrumented(end: Partial<TaskResult> = {}) {
  const gate = newGate<TaskResult>()
  const perform = vi.fn<() => void>(() => gate.open({ ...result, ...end }))
  return { task: { face: new BackgroundTask(() => {}), name: 'task', ended: gate.opened }, perform }
}

/** With these instruments, until that has ended. */
async function runWith(
  instruments: readonly Parameters<typeof instrument>[0][],
  { task, perform }: ReturnType<typeof newInstrumented>,
): Promise<void> {
  const undos = instruments.map(instrument)
  const running = instrumented(task, perform)
  for (const undo of undos) undo()
  await running
}

describe('instrumented()', () => {
  it('performs inside every instrument, the first one outermost, and waits for them', async () => {
    const calls: string[] = []
    const named =
      (name: string): Parameters<typeof instrument>[0] =>
      async (_, run) => {
        calls.push(`>${name}`)
        await run()
        await microtasks()
        calls.push(`<${name}`)
      }
    const given = newInstrumented()
    await runWith([named('outer'), named('inner')], given)
    expect(calls.slice(0, 2)).toEqual(['>outer', '>inner'])
    expect(calls.slice(2).toSorted()).toEqual(['<inner', '<outer'])
    expect(given.perform).toHaveBeenCalledOnce()
  })

  it('lets run settle as the task does', async () => {
    const error = new Error('bug')
    const seen: unknown[] = []
    const watch: Parameters<typeof instrument>[0] = (_, run) =>
      run().then(
        () => void seen.push('fulfilled'),
        (reason: unknown) => void seen.push(reason),
      )
    await runWith([watch], newInstrumented())
    await runWith([watch], newInstrumented({ status: 'rejected', error }))
    expect(seen).toEqual(['fulfilled', error])
  })

  it('is harmless where an instrument passes on the failure, NaN too', async () => {
    for (const error of [new Error('bug'), Number.NaN]) {
      await runWith([(_, run) => run()], newInstrumented({ status: 'rejected', error }))
    }
    expect(takePrinted()).toEqual([])
  })

  it.each<[string, Parameters<typeof instrument>[0], string]>([
    [
      'throws',
      () => {
        throw new Error('of the instrument')
      },
      'failed',
    ],
    ['never calls run', async () => {}, 'did not call run'],
  ])('performs all the same, and prints, where an instrument %s', async (_, around, what) => {
    const given = newInstrumented()
    await runWith([around], given)
    expect(given.perform).toHaveBeenCalledOnce()
    expect(takePrinted()).toMatchObject([[{ message: `The instrument of task task ${what}` }]])
  })

  it('performs after a second where an instrument holds it back for good', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const given = newInstrumented()
      void runWith([() => new Promise(() => {})], given)
      await vi.advanceTimersByTimeAsync(999)
      expect(given.perform).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(1)
      expect(given.perform).toHaveBeenCalledOnce()
      expect(takePrinted()).toMatchObject([
        [{ message: 'The instrument of task task has not called run for 1000 ms' }],
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  // The task timed out before it was called.
  it('lets the timeout of a task begin with its function', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const undo = instrument(() => new Promise(() => {}))
    try {
      const run = vi.fn<() => Promise<void>>(() => new Promise(() => {}))
      const task = new BackgroundTask({ run, timeout: 500 })
      void task.run().catch(() => {})
      await vi.advanceTimersByTimeAsync(1499)
      expect([run.mock.calls.length, task.status]).toEqual([1, 'running'])
      await vi.advanceTimersByTimeAsync(1)
      expect(task.status).toBe('rejected')
      expect(takePrinted()).toHaveLength(2)
    } finally {
      undo()
      vi.useRealTimers()
    }
  })
})
