import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { longestTimer, startTimer } from '../../src/util/timers.ts'

describe('startTimer()', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('calls back after the delay, once', () => {
    const callback = vi.fn<() => void>()
    startTimer(callback, 50)
    vi.advanceTimersByTime(49)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1000)
    expect(callback).toHaveBeenCalledOnce()
  })

  it('returns what stops it', () => {
    const callback = vi.fn<() => void>()
    clearTimeout(startTimer(callback, 50))
    vi.advanceTimersByTime(50)
    expect(callback).not.toHaveBeenCalled()
  })

  // It fired at once: a timer counts 31 bits.
  it('waits for ever where a timer cannot count so far', () => {
    const callback = vi.fn<() => void>()
    expect(startTimer(callback, longestTimer + 1)).toBeUndefined()
    expect(startTimer(callback, Infinity)).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
    startTimer(callback, longestTimer)
    vi.advanceTimersByTime(longestTimer - 1)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(callback).toHaveBeenCalledOnce()
  })

  it('keeps no process alive', () => {
    vi.useRealTimers()
    const timer = startTimer(() => {}, 50)
    expect(timer?.hasRef()).toBe(false)
    clearTimeout(timer)
  })

  it('works where a timer is a number', () => {
    vi.stubGlobal('setTimeout', () => 7)
    expect(startTimer(() => {}, 50)).toBe(7)
    vi.unstubAllGlobals()
  })
})
