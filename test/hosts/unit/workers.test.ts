import { describe, expect, it } from 'vitest'
import { isWorker, workers } from '../../../src/hosts/workers.ts'
import { bodyOf } from '../../support/body.ts'
import { loadOn } from '../../support/load-on.ts'

const load = (): Promise<typeof import('../../../src/hosts/workers.ts')> =>
  import('../../../src/hosts/workers.ts')

describe('isWorker', () => {
  it('is true on Workers, and not here', async () => {
    expect(isWorker).toBe(false)
    const navigator = { userAgent: 'Cloudflare-Workers' }
    expect((await loadOn({ navigator }, load)).isWorker).toBe(true)
    expect((await loadOn({ navigator: undefined }, load)).isWorker).toBe(false)
  })
})

describe('The runtime of Workers', () => {
  it('encodes what fetch has decoded anew, so each encoding stays', () => {
    expect(['', 'gzip', 'br'].filter((coding) => workers.decoded.test(coding))).toEqual([])
  })

  it('may drop a body without a cancel', () => {
    expect(workers.tellsCancel).toBe(false)
  })

  it('knows the length that a body has of its own', () => {
    const hidden = Symbol('length')
    class SizedStream extends ReadableStream<unknown> {
      get [hidden](): unknown {
        return 4n
      }
    }
    class OtherStream extends ReadableStream<unknown> {
      get [hidden](): unknown {
        return undefined
      }
    }
    const none = new Headers()
    expect(workers.lengthOf?.(new SizedStream(), none)).toBe(4n)
    expect(workers.lengthOf?.(new OtherStream(), none)).toBeUndefined()
    expect(workers.lengthOf?.(new ReadableStream(), none)).toBeUndefined()
    // It was sent with the length that it had before the runtime encoded it.
    const encoded = new Headers({ 'content-encoding': 'gzip' })
    expect(workers.lengthOf?.(new SizedStream(), encoded)).toBeUndefined()
  })

  // `encodeBody: 'manual'` was lost, and the body was encoded twice.
  it('makes a response of the response itself, which copies what only the runtime knows', async () => {
    const inits: unknown[] = []
    class WatchedResponse extends Response {
      constructor(body?: BodyInit | null, init?: ResponseInit) {
        super(body, init)
        inits.push(init)
      }
    }
    const response = new Response('body', { status: 201 })
    const there = await loadOn({ Response: WatchedResponse }, load)
    const made = there.workers.remake?.(response, bodyOf(['another body']))
    expect(inits).toEqual([response])
    expect(made?.status).toBe(201)
    expect(await made?.text()).toBe('another body')
  })
})
