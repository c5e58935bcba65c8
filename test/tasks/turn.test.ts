import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BackgroundTaskError } from '../../src/index.ts'
import { End } from '../../src/response/outcome.ts'
import { Call } from '../../src/tasks/call.ts'
import { Turn } from '../../src/tasks/turn.ts'
import { newGate } from '../support/gate.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { microtasks } from '../support/turn.ts'

watchReports()

const end = new End('cancelled', 'gone', new Response(null, { status: 201 }))
const bug = new Error('bug')

function fail(): never {
  throw bug
}

/** The task whose turn it is. */
function newPerformer() {
  return {
    settle: vi.fn<(status: 'fulfilled' | 'rejected', error?: unknown) => void>(),
    giveUp: vi.fn<(reason: unknown) => void>(),
  }
}

const pending = new Promise<never>(() => {})

/** One that is neither to end here nor to be given up on. */
const failing = { settle: fail, giveUp: fail }

describe('Turn.perform()', () => {
  it.each<[string, () => unknown, unknown[]]>([
    ['returns', () => 'anything', ['fulfilled']],
    ['throws', fail, ['rejected', bug]],
  ])('says at once how a function has gone that %s', (_, func, expected) => {
    const task = newPerformer()
    new Turn(end, {}).perform(task, new Call(func, []))
    expect(task.settle.mock.calls).toEqual([expected])
  })

  it.each<[string, () => Promise<unknown>, unknown[]]>([
    ['fulfils', () => Promise.resolve(), ['fulfilled']],
    ['rejects', () => Promise.reject(bug), ['rejected', bug]],
  ])('says later how a promise has gone that %s', async (_, func, expected) => {
    const task = newPerformer()
    new Turn(end, {}).perform(task, new Call(func, []))
    expect(task.settle).not.toHaveBeenCalled()
    await microtasks()
    expect(task.settle.mock.calls).toEqual([expected])
  })
})

describe('The clock of a Turn', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('counts from the beginning, and not before', () => {
    const turn = new Turn(end, {})
    expect(turn.finish()).toBe(0)
    vi.advanceTimersByTime(100)
    turn.perform(failing, new Call(() => pending, []))
    vi.advanceTimersByTime(30)
    expect(turn.finish()).toBe(30)
  })

  it.each([
    ['its own', 50, 20, 50],
    ['that of the list', undefined, 20, 20],
  ])('expires at the timeout: %s', (_, own, ofList, expected) => {
    const task = newPerformer()
    const turn = new Turn(end, { timeout: ofList })
    const call = new Call({ run: () => pending, ...(own !== undefined && { timeout: own }) }, [])
    turn.perform(task, call)
    vi.advanceTimersByTime(expected - 1)
    expect(task.giveUp).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    const message = `The task took longer than ${expected} ms`
    const reason: unknown = expect.objectContaining({ name: 'TimeoutError', message })
    expect(task.giveUp.mock.calls).toEqual([[reason]])
  })

  it('does not expire once it is stopped, or where a timer cannot count so far', () => {
    const [stopped, endless] = [new Turn(end, {}), new Turn(end, {})]
    stopped.perform(failing, new Call({ run: () => pending, timeout: 50 }, []))
    stopped.finish()
    endless.perform(failing, new Call({ run: () => pending, timeout: Infinity }, []))
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('The context of a Turn', () => {
  it('shows the end, and has a signal that aborts with the reason', () => {
    const turn = new Turn(end, {})
    expect(turn.context).toMatchObject({ outcome: 'cancelled', reason: 'gone' })
    expect(turn.context.response?.status).toBe(201)
    const { signal } = turn.context
    expect([turn.context.signal === signal, signal.aborted]).toEqual([true, false])
    turn.abort('enough')
    expect([signal.aborted, signal.reason]).toEqual([true, 'enough'])
  })

  it('is aborted too where nobody has asked for its signal yet', () => {
    const turn = new Turn(end, {})
    const { context } = turn
    turn.abort('enough')
    expect(context.signal.reason).toBe('enough')
    // There is none to abort.
    expect(() => new Turn(end, {}).abort('enough')).not.toThrow()
  })
})

describe('Turn.report()', () => {
  const failure = new BackgroundTaskError('task', bug)

  it('tells who hears of the failures of the list, or prints', () => {
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    new Turn(end, { onError }).report(failure)
    expect(onError.mock.calls).toEqual([[failure]])
    new Turn(end, {}).report(failure)
    expect(takePrinted()).toEqual([[failure]])
  })

  // What waits for the promise of a task is outside of every request.
  it('tells it in the async context in which the task was called', async () => {
    const requests = new AsyncLocalStorage<string>()
    const gate = newGate()
    const seen: unknown[] = []
    const turn = new Turn(end, { onError: () => void seen.push(requests.getStore()) })
    requests.run('its own', () => turn.perform(newPerformer(), new Call(() => gate.opened, [])))
    requests.run('another', () => turn.report(failure))
    await microtasks()
    expect(seen).toEqual(['its own'])
    gate.open()
  })
})
