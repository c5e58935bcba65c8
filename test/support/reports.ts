import { afterEach, beforeEach, expect, vi } from 'vitest'
import { registry, untrack } from '../../src/tasks/registry.ts'
import { turn } from './turn.ts'

let printed: unknown[][] = []
let stray: unknown[] = []
const catchStray = (reason: unknown): unknown => stray.push(reason)

/** What has been printed as an error since the last call. */
export function takePrinted(): unknown[][] {
  const taken = printed
  printed = []
  return taken
}

/**
 * Prints no error in the tests of this file, and fails each that has not taken what was printed, has
 * left a rejection to nobody, or a task in flight.
 */
export function watchReports(): void {
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation((...values) => void printed.push(values))
    process.on('unhandledRejection', catchStray)
  })

  afterEach(async () => {
    vi.unstubAllGlobals()
    await turn()
    process.off('unhandledRejection', catchStray)
    const taken = stray
    stray = []
    expect(taken, 'rejections left to nobody').toEqual([])
    expect(takePrinted(), 'errors that were printed').toEqual([])
    vi.restoreAllMocks()
    expect(takeInFlight(), 'left in flight').toEqual([])
  })
}

/** What counts as waiting or running, and does so no longer. */
export function takeInFlight(): unknown[] {
  const left = [...registry.inFlight.items]
  for (const work of left) untrack(work)
  return left
}
