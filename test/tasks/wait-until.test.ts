import { describe, expect, it, vi } from 'vitest'
import { drain, inFlight, waitUntil } from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { watchReports } from '../support/reports.ts'

watchReports()

describe('waitUntil()', () => {
  it('is a running task of this name until the promise settles', async () => {
    const gate = newGate()
    waitUntil(gate.opened)
    expect(inFlight()).toMatchObject([{ name: 'waitUntil', status: 'running' }])
    const drained = drain()
    gate.open()
    expect(await drained).toEqual({ finished: 1, abandoned: [] })
  })

  it('has the platform hold it, where that has a waitUntil that needs no argument', async () => {
    const held = vi.fn<(promise: Promise<unknown>) => void>()
    const key = Symbol.for('@vercel/request-context')
    Reflect.set(globalThis, key, { get: () => ({ waitUntil: held }) })
    try {
      waitUntil(Promise.resolve())
    } finally {
      Reflect.deleteProperty(globalThis, key)
    }
    expect(held).toHaveBeenCalledOnce()
    expect(await held.mock.calls[0]?.[0]).toMatchObject({ status: 'fulfilled' })
  })

  it('refuses what is no promise', () => {
    expect(misuse(() => waitUntil((() => {}) as never))).toBe(
      'Cannot wait for the work: it is a function, pass a promise of what has begun',
    )
  })
})
