import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  bound,
  findPlatformWaitUntil,
  hold,
  isWaitUntilHost,
} from '../../../src/hosts/wait-until.ts'
import { BackgroundTask, withBackgroundTasks } from '../../../src/index.ts'
import { loadOn } from '../../support/load-on.ts'
import { takePrinted, watchReports } from '../../support/reports.ts'
import { turn } from '../../support/turn.ts'

watchReports()

/** Works only as a method, as on Workers. */
class Context {
  readonly held: unknown[] = []
  waitUntil(promise: unknown): void {
    this.held.push(promise)
  }
}

const load = (): Promise<typeof import('../../../src/hosts/wait-until.ts')> =>
  import('../../../src/hosts/wait-until.ts')

/** The global, until the end of the test. */
function stub(key: PropertyKey, value: unknown): void {
  Reflect.set(globalThis, key, value)
  stubbed.push(key)
}
const stubbed: PropertyKey[] = []
afterEach(() => {
  for (const key of stubbed.splice(0)) Reflect.deleteProperty(globalThis, key)
})

describe('findPlatformWaitUntil()', () => {
  it('finds none on Node', () => {
    expect(findPlatformWaitUntil()).toBeUndefined()
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
    // What a platform has, it has from the start.
    const there = await loadOn({}, load)
    const promise = Promise.resolve()
    there.findPlatformWaitUntil()?.(promise)
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
    const there = await loadOn({}, load)
    expect(there.findPlatformWaitUntil()).toBeUndefined()
  })

  it('prefers that of the platform', async () => {
    stub(Symbol.for('@vercel/request-context'), { get: () => new Context() })
    const platformWaitUntil = vi.fn<(promise: Promise<unknown>) => void>()
    vi.doMock('#platform-wait-until', () => ({ platformWaitUntil }))
    const there = await loadOn({}, load)
    vi.doUnmock('#platform-wait-until')
    expect(there.findPlatformWaitUntil()).toBe(platformWaitUntil)
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

describe('bound()', () => {
  it('calls waitUntil as the method that it is, and is none of nothing', () => {
    const [context, promise] = [new Context(), Promise.resolve()]
    bound(context)?.(promise)
    expect(context.held).toEqual([promise])
    expect(bound(undefined)).toBeUndefined()
  })
})

describe('isWaitUntilHost()', () => {
  it.each<[unknown, boolean]>([
    [new Context(), true],
    [{ waitUntil: 1 }, false],
    [{}, false],
    [null, false],
    ['text', false],
  ])('of %o is %s', (value, expected) => {
    expect(isWaitUntilHost(value)).toBe(expected)
  })
})

describe('hold()', () => {
  const work = { ended: Promise.resolve('ended') }

  it('hands the end of the work to waitUntil', () => {
    const waitUntil = vi.fn<(promise: Promise<unknown>) => void>()
    hold(waitUntil, work)
    expect(waitUntil.mock.calls).toEqual([[work.ended]])
  })

  it('is harmless where there is none', () => {
    const warn = vi.spyOn(console, 'warn')
    hold(undefined, work)
    expect(warn).not.toHaveBeenCalled()
  })

  const late = new Error('too late')
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw late
      },
    ],
    ['rejects', () => Promise.reject(late)],
  ])('prints what waitUntil %s', async (_, waitUntil) => {
    hold(waitUntil, work)
    await turn()
    expect(takePrinted()).toEqual([
      [
        expect.objectContaining({
          message:
            'Cannot keep the host alive for the tasks: its waitUntil failed, call it while the request is handled',
          cause: late,
        }),
      ],
    ])
  })

  it('warns once on a Worker that has none, whose tasks would never run', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const there = await loadOn({ navigator: { userAgent: 'Cloudflare-Workers' } }, load)
    there.hold(undefined, work)
    there.hold(undefined, work)
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^Cannot keep the Worker alive .*: no waitUntil was found, pass ctx/)],
    ])
  })
})
