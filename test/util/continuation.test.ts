import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { continuation } from '../../src/util/continuation.ts'
import { microtasks } from '../support/turn.ts'

describe('continuation()', () => {
  it('calls back in the async context it was made in, not in that of the call', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const resume = requests.run('where it was made', () =>
      continuation(() => seen.push(requests.getStore())),
    )
    requests.run('where it is called', () => resume())
    await microtasks()
    expect(seen).toEqual(['where it was made'])
  })

  it('calls back later, not during the call', async () => {
    const callback = vi.fn<(value: number) => void>()
    const resume = continuation(callback)
    resume(7)
    expect(callback).not.toHaveBeenCalled()
    await microtasks()
    expect(callback.mock.calls).toEqual([[7]])
  })

  it('calls back once, with the first value', async () => {
    const callback = vi.fn<(value: number) => void>()
    const resume = continuation(callback)
    resume(1)
    resume(2)
    await microtasks()
    resume(3)
    await microtasks()
    expect(callback.mock.calls).toEqual([[1]])
  })

  it('does nothing unless it is called', async () => {
    const callback = vi.fn<() => void>()
    continuation(callback)
    await microtasks()
    expect(callback).not.toHaveBeenCalled()
  })
})
