import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Expiring } from '../src/lib/deadlines.ts'

type Deadlines = typeof import('../src/lib/deadlines.ts')
let deadlines: Deadlines

// The module keeps what waits: each test has its own.
beforeEach(async () => {
  vi.resetModules()
  // Before the module is loaded, which takes them for its own.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  deadlines = await import('../src/lib/deadlines.ts')
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const expired: string[] = []

function newExpiring(name: string): Expiring {
  onTestFinished(() => {
    expired.length = 0
  })
  return { deadline: 0, expire: () => void expired.push(name) }
}

describe('watch()', () => {
  it('lets it expire after the delay, and once', () => {
    deadlines.watch(newExpiring('first'), 160)
    vi.advanceTimersByTime(159)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual(['first'])
    vi.advanceTimersByTime(10_000)
    expect(expired).toEqual(['first'])
  })

  it('counts each delay from its own start, whatever their order', () => {
    deadlines.watch(newExpiring('long'), 1600)
    vi.advanceTimersByTime(100)
    deadlines.watch(newExpiring('short'), 160)
    vi.advanceTimersByTime(100)
    deadlines.watch(newExpiring('shortest'), 16)
    vi.advanceTimersByTime(15)
    expect(expired).toEqual([])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual(['shortest'])
    vi.advanceTimersByTime(44)
    expect(expired).toEqual(['shortest', 'short'])
    vi.advanceTimersByTime(1339)
    expect(expired).toEqual(['shortest', 'short'])
    vi.advanceTimersByTime(1)
    expect(expired).toEqual(['shortest', 'short', 'long'])
  })

  it('needs one timer for all that wait equally long, and none when nothing waits', () => {
    const all = Array.from({ length: 100 }, (_, index) => newExpiring(String(index)))
    for (const expiring of all) deadlines.watch(expiring, 1000)
    expect(vi.getTimerCount()).toBe(1)
    for (const expiring of all) deadlines.unwatch(expiring)
    vi.advanceTimersByTime(2000)
    expect(vi.getTimerCount()).toBe(0)
    expect(expired).toEqual([])
  })

  it('puts deadlines off where very many wait, so that few sweeps look at them', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    vi.resetModules()
    deadlines = await import('../src/lib/deadlines.ts')
    const count = 100_000
    // One due in each hundredth of a millisecond.
    const now = vi.spyOn(performance, 'now')
    const start = performance.now()
    for (let index = 0; index < count; index += 1) {
      now.mockReturnValue(start + index / 100)
      deadlines.watch(newExpiring('one of many'), 160)
    }
    now.mockRestore()
    vi.advanceTimersByTime(count / 100 + 160 + count / 1000)
    expect(expired).toHaveLength(count)
    expect(set.mock.calls.length).toBeLessThan(100)
  })

  // Or that of a test that fakes the timers and not the clock.
  it('goes by its timer where the clock is behind that', () => {
    vi.spyOn(performance, 'now').mockReturnValue(0)
    deadlines.watch(newExpiring('first'), 160)
    vi.advanceTimersByTime(160)
    expect(expired).toEqual(['first'])
  })

  it('watches again what starts to wait as another expires', () => {
    const first = newExpiring('first')
    const expire = first.expire
    first.expire = () => {
      expire()
      deadlines.watch(newExpiring('second'), 160)
    }
    deadlines.watch(first, 160)
    vi.advanceTimersByTime(160)
    expect(expired).toEqual(['first'])
    vi.advanceTimersByTime(160)
    expect(expired).toEqual(['first', 'second'])
  })

  it('does not expire what another forgets as it expires', () => {
    const second = newExpiring('second')
    const first = { ...newExpiring('first'), expire: () => deadlines.unwatch(second) }
    deadlines.watch(first, 160)
    deadlines.watch(second, 160)
    vi.advanceTimersByTime(1000)
    expect(expired).toEqual([])
  })

  it.each([2 ** 31, Infinity])('never for a delay of %s, which a timer cannot count', (delay) => {
    const expiring = newExpiring('never')
    deadlines.watch(expiring, delay)
    expect(vi.getTimerCount()).toBe(0)
    deadlines.unwatch(expiring)
  })

  // The one timer for all was that of a test before, which had put the real ones back.
  it('is not held up by the timers that somebody else has faked before', () => {
    for (const name of ['first', 'second']) {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      deadlines.watch(newExpiring(`${name}, forgotten`), 1000)
      vi.useRealTimers()
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      deadlines.watch(newExpiring(name), 160)
      vi.advanceTimersByTime(160)
    }
    expect(expired).toEqual(['first', 'second'])
  })

  it('keeps no process alive', () => {
    vi.useRealTimers()
    const set = vi.spyOn(globalThis, 'setTimeout')
    const expiring = newExpiring('waiting')
    deadlines.watch(expiring, 1000)
    const timers = set.mock.results.map(({ value }) => value as NodeJS.Timeout)
    expect(timers.map((timer) => timer.hasRef())).toEqual([false])
    for (const timer of timers) clearTimeout(timer)
  })

  it.each<[string, unknown]>([
    ['a number', 42],
    ['null', null],
    ['an object without unref', {}],
    ['an object whose unref is none', { unref: true }],
  ])('works where a timer is %s', (_, timer) => {
    vi.spyOn(globalThis, 'setTimeout').mockReturnValue(timer as NodeJS.Timeout)
    vi.spyOn(globalThis, 'clearTimeout').mockReturnValue()
    const expiring = newExpiring('waiting')
    expect(() => deadlines.watch(expiring, 1000)).not.toThrow()
    deadlines.unwatch(expiring)
  })
})

describe('unwatch()', () => {
  it('forgets it, and only it', () => {
    const [first, second, third] = ['first', 'second', 'third'].map(newExpiring)
    if (first === undefined || second === undefined || third === undefined) throw new Error('none')
    for (const expiring of [first, second, third]) deadlines.watch(expiring, 160)
    deadlines.unwatch(first)
    deadlines.unwatch(first)
    vi.advanceTimersByTime(160)
    expect(new Set(expired)).toEqual(new Set(['second', 'third']))
    expect(expired).toHaveLength(2)
  })

  it('forgets nothing when it was not watched', () => {
    expect(() => deadlines.unwatch(newExpiring('unknown'))).not.toThrow()
  })
})

describe('Where a timer can not serve several requests', () => {
  beforeEach(async () => {
    vi.resetModules()
    vi.doMock('../src/lib/platform.ts', () => ({ isWorker: true }))
    deadlines = await import('../src/lib/deadlines.ts')
  })

  afterEach(() => {
    vi.doUnmock('../src/lib/platform.ts')
  })

  it('each has its own, and is forgotten with it', () => {
    const [first, second] = [newExpiring('first'), newExpiring('second')]
    deadlines.watch(first, 160)
    deadlines.watch(second, 160)
    expect(vi.getTimerCount()).toBe(2)
    deadlines.unwatch(first)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(160)
    expect(expired).toEqual(['second'])
  })
})
