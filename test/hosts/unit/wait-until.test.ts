import { afterEach, describe, expect, it, vi } from 'vitest'
import { BackgroundTask, withBackgroundTasks } from '../../../src/index.ts'
import { state } from '../../../src/lib/process-state.ts'
import { watchReports } from '../../support/reports.ts'

watchReports()

/** Works only as a method, as on Workers. */
class Context {
  readonly held: unknown[] = []
  waitUntil(promise: unknown): void {
    this.held.push(promise)
  }
}

type Module = typeof import('../../../src/lib/wait-until.ts')

/** The module as it is loaded now: what a platform has, it has from the start. */
async function load(): Promise<Module> {
  vi.resetModules()
  return await import('../../../src/lib/wait-until.ts')
}

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
  it('finds none on Node', async () => {
    const { findGlobalWaitUntil } = await load()
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
    ['Netlify', 'Netlify', (context) => ({ context })],
  ])('finds that of %s', async (_, key, place) => {
    const context = new Context()
    stub(key, place(context))
    const { findGlobalWaitUntil } = await load()
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
    ['Netlify outside of a request', 'Netlify', { context: null }],
    [
      'a context that throws outside of a request',
      Symbol.for('@vercel/request-context'),
      {
        get() {
          throw new Error('no request')
        },
      },
    ],
  ])('finds none in %s', async (_, key, value) => {
    stub(key, value)
    const { findGlobalWaitUntil } = await load()
    expect(findGlobalWaitUntil()).toBeUndefined()
  })

  it('prefers that of the platform', async () => {
    const hold = vi.fn<(promise: Promise<unknown>) => void>()
    vi.doMock('#platform-wait-until', () => ({ platformWaitUntil: hold }))
    const { findGlobalWaitUntil } = await load()
    vi.doUnmock('#platform-wait-until')
    expect(findGlobalWaitUntil()).toBe(hold)
  })

  it('is used by a wrap without one', async () => {
    const context = new Context()
    stub(Symbol.for('@vercel/request-context'), { get: () => context })
    const task = new BackgroundTask(() => {})
    await task.wrap(new Response('body')).text()
    expect(context.held).toHaveLength(1)
    await context.held[0]
    expect(task.status).toBe('fulfilled')
  })

  // That of an adapter on it may do nothing: h3's does not reach the platform.
  it('is used by a handler before that of its arguments', async () => {
    const [platform, adapter] = [new Context(), new Context()]
    stub(Symbol.for('@vercel/request-context'), { get: () => platform })
    const handle = withBackgroundTasks((tasks, _context: Context) => {
      tasks.addTask(() => {})
      return new Response(null)
    })
    await handle(adapter)
    expect([platform.held.length, adapter.held.length]).toEqual([1, 0])
    await platform.held[0]
  })
})

describe('A Worker without waitUntil', () => {
  it('is warned, once per process, however many copies of the package there are', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    for (const { warnOnWorker } of [await load(), await load()]) {
      warnOnWorker()
      warnOnWorker()
    }
    state.hasWarned = false
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^Cannot keep the Worker alive .*: no waitUntil was found, pass ctx/)],
    ])
  })
})
