import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { outside } from '../../src/tasks/outside.ts'
import { loadOn } from '../support/load-on.ts'
import { microtasks } from '../support/turn.ts'

describe('outside()', () => {
  it('runs the function without the async context of the caller, before the next macrotask', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    requests.run('a request', () => {
      outside(() => seen.push(requests.getStore()))
      outside(() => seen.push(requests.getStore()))
    })
    expect(seen).toEqual([])
    await microtasks()
    expect(seen).toEqual([undefined, undefined])
  })

  it('runs what is given to it while it runs', async () => {
    const calls: string[] = []
    outside(() => outside(() => void calls.push('inner')))
    await microtasks()
    expect(calls).toEqual(['inner'])
    outside(() => void calls.push('later'))
    await microtasks()
    expect(calls).toEqual(['inner', 'later'])
  })

  it('runs the function at once on Workers, where a promise must not serve another request', async () => {
    const calls: string[] = []
    const navigator = { userAgent: 'Cloudflare-Workers' }
    const there = await loadOn({ navigator }, () => import('../../src/tasks/outside.ts'))
    there.outside(() => void calls.push('job'))
    expect(calls).toEqual(['job'])
    await microtasks()
    expect(calls).toEqual(['job'])
  })
})
