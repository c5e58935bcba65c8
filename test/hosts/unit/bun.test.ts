import { describe, expect, it, vi } from 'vitest'
import { bun, isBun, isStaticOnBun } from '../../../src/hosts/bun.ts'
import { loadOn } from '../../support/load-on.ts'

const load = (): Promise<typeof import('../../../src/hosts/bun.ts')> =>
  import('../../../src/hosts/bun.ts')

/** A response whose body must not be looked at. */
function newResponse(properties: PropertyDescriptorMap = {}): Response {
  const body = {
    get: (): never => {
      throw new Error('The body was looked at')
    },
  }
  return Object.defineProperties(new Response('text'), { body, ...properties })
}

describe('isBun', () => {
  it('is true on Bun, and not here', async () => {
    expect(isBun).toBe(false)
    expect((await loadOn({ Bun: {} }, load)).isBun).toBe(true)
  })
})

describe('What fetch decodes on Bun', () => {
  // With `decompress: false` it is encoded still, and lost the header that says so.
  it.each(['gzip', 'br', 'zstd', ''])('cannot be known: not of %j either', (coding) => {
    expect(coding).not.toMatch(bun.decoded)
  })
})

/** Remembers what it was made of. */
class KnownResponse extends Response {
  readonly source: unknown
  constructor(source?: BodyInit | null, init?: ResponseInit) {
    super(source, init)
    this.source = source
  }
}

/** As Bun counts: what every response takes, and the bytes that it holds. */
function sizeOfKnown(value: object): number {
  const { source } = value as KnownResponse
  return 360 + (typeof source === 'string' ? source.length : 0)
}

/** Bun, as far as it is asked: what it shows, and what it counts. */
function newBun(shown: string, estimateShallowMemoryUsageOf?: (value: object) => number) {
  const inspect = vi.fn<(value: unknown) => string>(() => shown)
  const getBuiltinModule = (): object => ({ estimateShallowMemoryUsageOf })
  const globals = { Bun: { inspect }, process: { getBuiltinModule }, Response: KnownResponse }
  return { inspect, globals }
}

describe('isStaticOnBun()', () => {
  it('is false on Node, where nothing can be known', () => {
    expect(isStaticOnBun(newResponse())).toBe(false)
  })

  it.each<[string, boolean]>([
    ['Response (4 bytes) {\n  ok: true,', true],
    ['Response (20 MB) {\n  ok: true,\n  Blob (20 MB)', true],
    ['Response (4 bytes) {\n  ok: true,\n  ReadableStream {', false],
    ['Response (0 KB) {\n  ok: true,', false],
    ['Response {\n  ok: true,', false],
    ['Response {\n  FileRef ("a.txt") {\n    type: "text/plain",\n    offset: 5', true],
    ['[object Response]', false],
  ])('goes by what Bun shows: %j is %s', async (shown, expected) => {
    const { inspect, globals } = newBun(shown)
    const there = await loadOn(globals, load)
    const response = newResponse()
    expect(there.isStaticOnBun(response)).toBe(expected)
    expect(inspect.mock.calls).toEqual([[response]])
  })

  it('looks no further at a response that holds bytes', async () => {
    const { inspect, globals } = newBun('Response (0 KB) {', sizeOfKnown)
    const there = await loadOn(globals, load)
    expect(there.isStaticOnBun(new Response('text'))).toBe(true)
    expect(inspect).not.toHaveBeenCalled()
    expect(there.isStaticOnBun(new Response('text', { statusText: 'Made' }))).toBe(false)
    expect(there.isStaticOnBun(new Response(null))).toBe(false)
    expect(inspect).toHaveBeenCalledTimes(2)
  })

  it.each<[string, (value: object) => number]>([
    ['no bytes', () => 360],
    [
      'a stream too',
      (value) =>
        sizeOfKnown(value) + ((value as KnownResponse).source instanceof ReadableStream ? 1 : 0),
    ],
  ])('goes by what Bun shows where it counts %s', async (_, sizeOf) => {
    const { inspect, globals } = newBun('Response (0 KB) {', sizeOf)
    const there = await loadOn(globals, load)
    expect(there.isStaticOnBun(new Response('text'))).toBe(false)
    expect(inspect).toHaveBeenCalledOnce()
  })

  it('is false for one that may still be arriving, and for one that is read', async () => {
    const { inspect, globals } = newBun('Response (4 bytes) {', sizeOfKnown)
    const there = await loadOn(globals, load)
    const fetched = newResponse({ url: { value: 'http://localhost/' } })
    expect(there.isStaticOnBun(fetched)).toBe(false)
    const read = new Response('text')
    await read.text()
    expect(there.isStaticOnBun(read)).toBe(false)
    expect(inspect).not.toHaveBeenCalled()
  })
})
