import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { BackgroundTask, BackgroundTasks, drain, instrument } from '../src/index.ts'
import { isCollected } from './support/garbage.ts'
import { newGate } from './support/gate.ts'
import { watchReports } from './support/reports.ts'
import { turn } from './support/turn.ts'

watchReports()

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

const quiet = { onError: (): void => {} }

/** An instrument until the end of the test. */
function instrumentTest(around: Parameters<typeof instrument>[0]): void {
  onTestFinished(instrument(around))
}

const never = new Promise<void>(() => {})

function hang(_name: string): Promise<void> {
  return never
}

function send(_email: string, _options: { message: string }): void {}

describe('BackgroundTask.func and .args', () => {
  it('are the function and its arguments themselves', () => {
    const options = { message: 'hello' }
    const alone = new BackgroundTask(send, 'ada@example.com', options)
    const listed = new BackgroundTasks().addTask(send, 'ada@example.com', options)
    for (const task of [alone, listed]) {
      expect(task.func).toBe(send)
      expect(task.args).toEqual(['ada@example.com', options])
      expect(task.args?.[1]).toBe(options)
    }
  })

  it('are an empty list for a function without arguments', () => {
    expect(new BackgroundTask(() => {}).args).toEqual([])
  })

  it('are undefined for a definition', () => {
    const task = new BackgroundTask({ run: () => {} })
    expect([task.func, task.args]).toEqual([undefined, undefined])
  })

  it('show a test what a handler has added', () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(send, 'ada@example.com', { message: 'hello' })
    expect(
      tasks.tasks.map((task) => task instanceof BackgroundTask && [task.func, task.args]),
    ).toEqual([[send, ['ada@example.com', { message: 'hello' }]]])
  })

  it('are there for an instrument, after the task has ended too', async () => {
    const seen: unknown[] = []
    instrumentTest(async (task, run) => {
      seen.push(task.func, task.args)
      await run()
      await turn()
      seen.push(task.status, task.func, task.args)
    })
    const task = new BackgroundTask(send, 'ada@example.com', { message: 'hello' })
    const args = ['ada@example.com', { message: 'hello' }]
    await task.run()
    await turn()
    await turn()
    expect(seen).toEqual([send, args, 'fulfilled', send, args])
  })

  it('let an instrument try a task again that has failed', async () => {
    const called = vi.fn<(value: string) => void>()
    called.mockImplementationOnce(() => {
      throw new Error('the first time')
    })
    const retried = newGate()
    instrumentTest(async (task, run) => {
      await run().catch(async (error: unknown) => {
        await turn()
        const { func, args } = task
        if (func !== undefined && args !== undefined) Reflect.apply(func, undefined, args)
        retried.open()
        throw error
      })
    })
    const tasks = new BackgroundTasks([], quiet)
    tasks.addTask(called, 'value')
    await tasks.run().catch(() => {})
    await retried.opened
    expect(called.mock.calls).toEqual([['value'], ['value']])
  })

  it('are let go of when the last instrument has ended, and not before', async () => {
    const gate = newGate()
    instrumentTest(async (_task, run) => {
      await run()
      await gate.opened
    })
    const task = new BackgroundTask(send, 'ada@example.com', { message: 'hello' })
    await task.run()
    await turn()
    expect(task.args).toHaveLength(2)
    gate.open()
    await turn()
    expect([task.func, task.args]).toEqual([undefined, undefined])
  })

  it.each<[string, (task: BackgroundTask) => unknown]>([
    ['has been run', (task) => task.run()],
    ['has failed', (task) => new BackgroundTasks([task], quiet).run().catch(() => {})],
    ['has run after its response', (task) => task.wrap(new Response(null)) && task.finished],
  ])('are let go of when the task %s and nothing instruments it', async (_, end) => {
    const task = new BackgroundTask(send, 'ada@example.com', { message: 'hello' })
    await end(task)
    await turn()
    expect([task.func, task.args]).toEqual([undefined, undefined])
  })

  it('hold no argument of a task that has ended and is still referenced', async () => {
    const task = ((): BackgroundTask<[object]> =>
      new BackgroundTask((_value: object) => {}, { large: true }))()
    const reference = ((): WeakRef<object> => new WeakRef(task.args?.[0] ?? {}))()
    await task.run()
    expect(await isCollected(reference)).toBe(true)
    expect(task.status).toBe('fulfilled')
  })

  it('stay with those that drain has abandoned, waiting or running', async () => {
    const tasks = new BackgroundTasks([], quiet)
    const running = tasks.addTask(hang, 'running')
    const waiting = tasks.addTask(send, 'ada@example.com', { message: 'hello' })
    void tasks.run().catch(() => {})
    const draining = drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    const { abandoned } = await draining
    await tasks.finished
    await turn()
    expect(abandoned).toEqual([running, waiting])
    expect(abandoned.map((task) => task.args)).toEqual([
      ['running'],
      ['ada@example.com', { message: 'hello' }],
    ])
    expect(abandoned.map((task) => task.func)).toEqual([hang, send])
  })
})
