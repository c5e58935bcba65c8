import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { drain, inFlight, instrument, waitUntil } from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { newThenable } from '../support/thenable.ts'
import { turn } from '../support/turn.ts'

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

  it('listens to the promise at once, though an instrument holds it back', async () => {
    const gate = newGate()
    onTestFinished(instrument((_, run) => gate.opened.then(run)))
    waitUntil(Promise.reject(new Error('bug')))
    await turn()
    gate.open()
    await drain()
    expect(takePrinted()).toMatchObject([[{ task: 'waitUntil', cause: { message: 'bug' } }]])
  })

  it('calls the then of what is no promise once, and at once', async () => {
    const gate = newGate()
    onTestFinished(instrument((_, run) => gate.opened.then(run)))
    const then = vi.fn<(resolve: (value: unknown) => void) => void>((resolve) => resolve(undefined))
    waitUntil(newThenable(then) as Promise<unknown>)
    await turn()
    expect(then).toHaveBeenCalledOnce()
    gate.open()
    await drain()
    expect(then).toHaveBeenCalledOnce()
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
