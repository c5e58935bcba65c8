import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  deadlineOfLambda,
  deadlineOfWorker,
  findPlatformDeadline,
  isLambdaContext,
  onUnload,
} from '../../../src/hosts/deadline.ts'
import { loadOn } from '../../support/load-on.ts'

const load = (): Promise<typeof import('../../../src/hosts/deadline.ts')> =>
  import('../../../src/hosts/deadline.ts')

const vercel = Symbol.for('@vercel/request-context')

describe('findPlatformDeadline()', () => {
  afterEach(() => {
    Reflect.deleteProperty(globalThis, vercel)
    vi.useRealTimers()
  })

  it('finds none on Node', () => {
    expect(findPlatformDeadline()).toBeUndefined()
  })

  it.each([
    ['milliseconds', 5000],
    ['a date', new Date(5000).toISOString()],
  ])('is that of the request on Vercel, told in %s', (_, deadline) => {
    vi.useFakeTimers({ now: 2000 })
    Reflect.set(globalThis, vercel, { get: () => ({ deadline }) })
    const found = findPlatformDeadline()
    expect([found?.platform, found?.remaining()]).toEqual(['Vercel', 3000])
  })

  it.each([[{}], [{ get: () => undefined }], [{ get: () => ({}) }]])(
    'finds none on Vercel outside of a request, or where it does not say: %o',
    (context) => {
      Reflect.set(globalThis, vercel, context)
      expect(findPlatformDeadline()).toBeUndefined()
    },
  )

  it('waits on Supabase for the event that says so', async () => {
    const listeners = vi.fn<(type: string, listener: () => void) => void>()
    const there = await loadOn({ EdgeRuntime: {}, addEventListener: listeners }, load)
    const found = there.findPlatformDeadline()
    expect([found?.platform, found?.remaining()]).toEqual(['Supabase', Infinity])
    const callback = vi.fn<() => void>()
    there.onUnload(callback)
    expect(listeners.mock.calls).toEqual([['beforeunload', callback]])
  })

  it('listens to nothing elsewhere', () => {
    const listeners = vi.fn<() => void>()
    vi.stubGlobal('addEventListener', listeners)
    onUnload(() => {})
    expect(listeners).not.toHaveBeenCalled()
    vi.unstubAllGlobals()
  })
})

describe('deadlineOfWorker()', () => {
  it('is half a minute after the response, but not in a Durable Object', () => {
    class ExecutionContext {
      readonly props = {}
    }
    class DurableObjectState {
      readonly props = {}
    }
    const found = deadlineOfWorker(new ExecutionContext())
    expect([found?.platform, found?.remaining()]).toEqual(['Cloudflare Workers', 30_000])
    expect(deadlineOfWorker(new DurableObjectState())).toBeUndefined()
    expect(deadlineOfWorker(undefined)).toBeUndefined()
  })
})

describe('deadlineOfLambda()', () => {
  it('is what its context says at the time', () => {
    let left = 3000
    const context = { getRemainingTimeInMillis: () => left }
    expect([context, {}, null].map(isLambdaContext)).toEqual([true, false, false])
    const found = deadlineOfLambda(context)
    left = 2000
    expect([found.platform, found.remaining()]).toEqual(['AWS Lambda', 2000])
  })
})
