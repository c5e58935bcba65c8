import { afterEach, describe, expect, it, vi } from 'vitest'
import { BackgroundTask, drain } from '../../src/index.ts'
import * as processState from '../../src/lib/process-state.ts'
import { newGate } from '../support/gate.ts'
import { watchReports } from '../support/reports.ts'

watchReports()

/** Another copy of the module, as a bundler makes one. */
async function copy(): Promise<typeof processState> {
  vi.resetModules()
  return await import('../../src/lib/process-state.ts')
}

afterEach(() => {
  vi.resetModules()
})

describe('The state of the process', () => {
  it('is one for all copies of the package', async () => {
    const other = await copy()
    expect(other.execute).not.toBe(undefined)
    expect(other).not.toBe(processState)
    expect(other.state).toBe(processState.state)
  })

  it('is waited for by drain(), whichever copy has accepted the task', async () => {
    vi.resetModules()
    const other = await import('../../src/index.ts')
    expect(other.BackgroundTask).not.toBe(BackgroundTask)
    const gate = newGate()
    const theirs = new other.BackgroundTask(() => gate.opened)
    void theirs.run()
    const drained = drain()
    gate.open()
    expect((await drained).finished).toBe(1)
    expect(theirs.status).toBe('fulfilled')
  })
})

describe('The methods by which copies of the package call each other', () => {
  it('have names that all copies agree on, and that no other class has by chance', async () => {
    const { state: _, ...names } = await copy()
    const { state: __, ...expected } = processState
    expect(names).toEqual(expected)
    expect(Object.values(names).filter((name) => !/^~\w+$/.test(name))).toEqual([])
    expect(new Set(Object.values(names)).size).toBe(Object.keys(names).length)
  })
})
