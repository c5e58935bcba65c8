import { afterEach, describe, expect, it, vi } from 'vitest'
import { isStatic } from '../../../src/lib/static-body.ts'

/** The module as another runtime loads it. */
async function loadOn(globals: Record<string, unknown>): Promise<typeof isStatic> {
  vi.resetModules()
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  const loaded = await import('../../../src/lib/static-body.ts')
  return loaded.isStatic
}

afterEach(() => {
  vi.unstubAllGlobals()
})

/** A response whose body must not be looked at. */
function newResponse(properties: PropertyDescriptorMap = {}): Response {
  const body = {
    get: (): never => {
      throw new Error('The body was looked at')
    },
  }
  return Object.defineProperties(new Response('text'), { body, ...properties })
}

describe('isStatic()', () => {
  it('is false on Node, where nothing can be known', () => {
    expect(isStatic(newResponse())).toBe(false)
  })

  it.each([[undefined], [null], ['text'], [{ body: 'text' }]])(
    'is false for %o, which is no response of the host',
    async (answer) => {
      expect((await loadOn({ Bun: { inspect: () => 'Response (4 bytes) {' } }))(answer)).toBe(false)
      expect((await loadOn({ Bun: undefined, Deno: {} }))(answer)).toBe(false)
    },
  )
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

describe('isStatic() on Bun', () => {
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
    const isStaticThere = await loadOn(globals)
    const response = newResponse()
    expect(isStaticThere(response)).toBe(expected)
    expect(inspect.mock.calls).toEqual([[response]])
  })

  it('looks no further at a response that holds bytes', async () => {
    const { inspect, globals } = newBun('Response (0 KB) {', sizeOfKnown)
    const isStaticThere = await loadOn(globals)
    expect(isStaticThere(new Response('text'))).toBe(true)
    expect(inspect).not.toHaveBeenCalled()
    expect(isStaticThere(new Response('text', { statusText: 'Made' }))).toBe(false)
    expect(isStaticThere(new Response(null))).toBe(false)
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
    const isStaticThere = await loadOn(globals)
    expect(isStaticThere(new Response('text'))).toBe(false)
    expect(inspect).toHaveBeenCalledOnce()
  })

  it('is false for one that may still be arriving, and for one that is read', async () => {
    const { inspect, globals } = newBun('Response (4 bytes) {', sizeOfKnown)
    const isStaticThere = await loadOn(globals)
    const fetched = newResponse({ url: { value: 'http://localhost/' } })
    expect(isStaticThere(fetched)).toBe(false)
    const read = new Response('text')
    await read.text()
    expect(isStaticThere(read)).toBe(false)
    expect(inspect).not.toHaveBeenCalled()
  })
})

describe('isStatic() on Deno', () => {
  it.each<[string, unknown, boolean]>([
    ['no body', { body: null }, true],
    ['a body not made yet', { body: {} }, true],
    ['text', { body: { streamOrStatic: { body: 'text', consumed: false } } }, true],
    ['a stream', { body: { streamOrStatic: new ReadableStream() } }, false],
    ['something else', {}, false],
    ['nothing', undefined, false],
  ])('goes by what a response of Deno is made of: %s', async (_, inner, expected) => {
    const isStaticThere = await loadOn({ Deno: {} })
    const response = newResponse({ [Symbol('response')]: { value: inner } })
    expect(isStaticThere(response)).toBe(expected)
  })

  it('is false where a response is made otherwise', async () => {
    const isStaticThere = await loadOn({ Deno: {} })
    expect(isStaticThere(newResponse({ [Symbol('other')]: { value: { body: null } } }))).toBe(false)
  })
})
