import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { provideBackgroundTasks } from '../../src/context.ts'
import {
  BackgroundTask,
  BackgroundTasks,
  type BackgroundTaskError,
  type Outcome,
  withBackgroundTasks,
} from '../../src/index.ts'
import { End } from '../../src/response/outcome.ts'
import { watchDeadline } from '../../src/tasks/deadline.ts'
import { inside } from '../../src/tasks/item.ts'
import { newGate } from '../support/gate.ts'
import { watchReports } from '../support/reports.ts'
import { microtasks, turn } from '../support/turn.ts'

watchReports()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const platform = 'A platform'
const cut = expect.objectContaining({
  name: 'TimeoutError',
  message: 'A platform ends the request now, move what takes so long to a queue',
})

/** A list that has started, and what it reports. */
function startList(tasks: (list: BackgroundTasks) => void, outcome: Outcome = 'closed') {
  const onError = vi.fn<(error: BackgroundTaskError) => void>()
  const list = new BackgroundTasks([], { onError })
  tasks(list)
  list[inside].start(new End(outcome))
  return { list: list[inside], finished: list.finished, onError }
}

describe('watchDeadline()', () => {
  it('gives up on what runs and skips the rest, a tenth of the time before, and cleanups run', async () => {
    const cleanup = vi.fn<() => void>()
    const signals: AbortSignal[] = []
    const { list, finished, onError } = startList((tasks) => {
      tasks.addTask({
        name: 'hanging',
        run: ({ signal }) => new Promise(() => signals.push(signal)),
      })
      tasks.addTask({ name: 'next', run: () => expect.fail('It ran') })
      tasks.defer(cleanup)
    })
    watchDeadline(list, { platform, remaining: () => 1000 }, list.options.onError)
    await vi.advanceTimersByTimeAsync(899)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    await vi.advanceTimersByTimeAsync(1)
    expect(signals.map(({ reason }) => reason)).toEqual([cut])
    expect(await finished).toMatchObject([
      { name: 'hanging', status: 'rejected', error: cut },
      { name: 'next', status: 'skipped', error: cut },
    ])
    expect(onError.mock.calls).toMatchObject([[{ task: 'hanging', skipped: ['next'] }]])
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('names what it skips in order, lists in the list too', async () => {
    const { list, finished, onError } = startList((tasks) => {
      const nested = new BackgroundTasks()
      nested.addTask({ name: 'hanging', run: () => new Promise(() => {}) })
      nested.addTask({ name: 'nested', run: () => expect.fail('It ran') })
      tasks.addTask(nested)
      tasks.addTask({ name: 'next', run: () => expect.fail('It ran') })
    })
    watchDeadline(list, { platform, remaining: () => 1000 }, list.options.onError)
    await vi.advanceTimersByTimeAsync(900)
    await finished
    expect(onError.mock.calls).toMatchObject([[{ task: 'hanging', skipped: ['nested', 'next'] }]])
  })

  it('has what it skips tell how the response ended', async () => {
    const outcomes: Outcome[] = []
    const next = new BackgroundTask({ name: 'next', run: () => expect.fail('It ran') })
    void next.finished.then(({ outcome }) => outcomes.push(outcome))
    const { list, finished } = startList((tasks) => {
      tasks.addTask({ name: 'hanging', run: () => new Promise(() => {}) })
      tasks.addTask(next)
    }, 'cancelled')
    watchDeadline(list, { platform, remaining: () => 1000 }, list.options.onError)
    await vi.advanceTimersByTimeAsync(900)
    await finished
    expect(outcomes).toEqual(['cancelled'])
  })

  it('tells the onError of the provider of tasks that all wait for their limit', async () => {
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const handle = withBackgroundTasks(
      (tasks) => {
        tasks.addTask({ name: 'first', run: () => expect.fail('It ran') })
        tasks.addTask({ name: 'second', run: () => expect.fail('It ran') })
        return new Response(null)
      },
      { deadline: 1000, limit() {} },
    )
    provideBackgroundTasks(() => handle(), { onError })()
    await turn()
    await vi.advanceTimersByTimeAsync(900)
    expect(onError.mock.calls).toMatchObject([[{ task: 'first', skipped: ['second'] }]])
  })

  it('leaves a second at most to the cleanups', async () => {
    const { list, finished } = startList((tasks) => {
      tasks.addTask({ name: 'hanging', run: () => new Promise(() => {}) })
    })
    watchDeadline(list, { platform, remaining: () => 30_000 }, list.options.onError)
    await vi.advanceTimersByTimeAsync(28_999)
    expect(list.state).toBe('running')
    await vi.advanceTimersByTimeAsync(1)
    expect(await finished).toMatchObject([{ status: 'rejected' }])
  })

  it('forgets the list when that has ended', async () => {
    const gate = newGate()
    const { list, finished } = startList((tasks) => tasks.addTask(() => gate.opened))
    watchDeadline(list, { platform, remaining: () => 1000 }, list.options.onError)
    await microtasks()
    expect(vi.getTimerCount()).toBe(1)
    gate.open()
    await finished
    expect(vi.getTimerCount()).toBe(0)
  })
})
