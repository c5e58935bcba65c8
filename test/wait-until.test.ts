import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BackgroundTask } from '../src/index.ts'
import { watchReports } from './support/reports.ts'

watchReports()

/** Works only as a method, as on Workers. */
class Context {
  readonly held: unknown[] = []
  waitUntil(promise: unknown): void {
    this.held.push(promise)
  }
}

type Module = typeof import('../src/lib/wait-until.ts')
let findGlobalWaitUntil: Module['findGlobalWaitUntil']

// The module warns once in its life.
beforeEach(async () => {
  vi.resetModules()
  ;({ findGlobalWaitUntil } = await import('../src/lib/wait-until.ts'))
})

/** The global, until the end of the test. */
function stub(key: PropertyKey, value: unknown): void {
  Reflect.set(globalThis, key, value)
  stubbed.push(key)
}
const stubbed: PropertyKey[] = []
afterEach(() => {
  for (const key of stubbed.splice(0)) Reflect.deleteProperty(globalThis, key)
})

describe('findGlobalWaitUntil()', () => {
  it('finds none on Node', () => {
    expect(findGlobalWaitUntil()).toBeUndefined()
  })

  it.each<[string, PropertyKey, (context: Context) => unknown]>([
    ['Vercel', Symbol.for('@vercel/request-context'), (context) => ({ get: () => context })],
    ['Next.js', Symbol.for('@next/request-context'), (context) => ({ get: () => context })],
    [
      'Neon',
      Symbol.for('@neondatabase/functions/request-context'),
      (context) => ({ get: () => context }),
    ],
    ['Supabase', 'EdgeRuntime', (context) => context],
    ['Bunny', 'Bunny', (context) => ({ v1: context })],
  ])('finds that of %s', (_, key, place) => {
    const context = new Context()
    stub(key, place(context))
    const promise = Promise.resolve()
    findGlobalWaitUntil()?.(promise)
    expect(context.held).toEqual([promise])
  })

  it.each<[string, PropertyKey, unknown]>([
    ['no context', Symbol.for('@vercel/request-context'), { get: () => undefined }],
    ['no get', Symbol.for('@vercel/request-context'), {}],
    ['no waitUntil', Symbol.for('@next/request-context'), { get: () => ({ waitUntil: 1 }) }],
    ["the edge runtime's name", 'EdgeRuntime', 'edge-runtime'],
    ['another Bunny', 'Bunny', {}],
    ['null', 'EdgeRuntime', null],
    [
      'a context that throws outside of a request',
      Symbol.for('@vercel/request-context'),
      {
        get() {
          throw new Error('no request')
        },
      },
    ],
  ])('finds none in %s', (_, key, value) => {
    stub(key, value)
    expect(findGlobalWaitUntil()).toBeUndefined()
  })

  it('prefers that of the platform', async () => {
    const hold = vi.fn<(promise: Promise<unknown>) => void>()
    vi.doMock('../src/lib/platform.ts', () => ({ waitUntil: hold }))
    vi.resetModules()
    const copy = await import('../src/lib/wait-until.ts')
    vi.doUnmock('../src/lib/platform.ts')
    expect(copy.findGlobalWaitUntil()).toBe(hold)
  })

  it('warns on a Worker that has none, once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    expect(findGlobalWaitUntil()).toBeUndefined()
    expect(findGlobalWaitUntil()).toBeUndefined()
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^Cannot keep the Worker alive .*: no waitUntil was found, pass ctx/)],
    ])
  })

  it('is used by a wrap without one', async () => {
    const context = new Context()
    stub(Symbol.for('@vercel/request-context'), { get: () => context })
    const task = new BackgroundTask(() => {})
    await task.wrap(new Response('body')).text()
    expect(context.held).toHaveLength(1)
    await expect(context.held[0]).resolves.toMatchObject({ status: 'fulfilled' })
  })
})
