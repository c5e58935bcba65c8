import { describe, expect, it, vi } from 'vitest'
import type { TaskContext } from '../../src/index.ts'
import { Call } from '../../src/tasks/call.ts'
import { withContext } from '../../src/tasks/context-function.ts'

const context: TaskContext = {
  outcome: 'closed',
  reason: undefined,
  response: undefined,
  signal: new AbortController().signal,
}

describe('A Call', () => {
  it('passes its arguments to a function, and makes no context for it', () => {
    const get = vi.fn<() => TaskContext>()
    const turn = Object.defineProperty({ context }, 'context', { get })
    const func = vi.fn<(...args: unknown[]) => string>(() => 'returned')
    const call = new Call(func, ['ada', 5])
    expect(call.invoke(turn)).toBe('returned')
    expect(func.mock.calls).toEqual([['ada', 5]])
    expect([call.func, call.args]).toEqual([func, ['ada', 5]])
    expect(get).not.toHaveBeenCalled()
  })

  it('passes the context to the run of a definition, which has neither function nor arguments', () => {
    const run = vi.fn<(given: TaskContext) => void>()
    const call = new Call({ run, timeout: 5, when: ['closed'] }, [])
    call.invoke({ context })
    expect(run.mock.calls).toEqual([[context]])
    expect(call).toMatchObject({ func: undefined, args: undefined, timeout: 5, when: ['closed'] })
  })

  it('passes the context before the arguments to a function that wants it', () => {
    const method = vi.fn<(...args: unknown[]) => void>()
    const func = Object.assign(() => expect.fail('It was called without'), {
      [withContext]: method,
    })
    new Call(func, ['ada']).invoke({ context })
    expect(method.mock.calls).toEqual([[context, 'ada']])
  })
})
