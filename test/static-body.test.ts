import { afterEach, describe, expect, it, vi } from 'vitest'
import { isStatic } from '../src/lib/static-body.ts'

/** The module as another runtime loads it. */
async function loadOn(globals: Record<string, unknown>): Promise<typeof isStatic> {
  vi.resetModules()
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
  const loaded = await import('../src/lib/static-body.ts')
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

describe('isStatic() on Bun', () => {
  it.each<[string, boolean]>([
    ['Response (4 bytes) {\n  ok: true,', true],
    ['Response (20 MB) {\n  ok: true,', true],
    ['Response (0 KB) {\n  ok: true,', false],
    ['Response {\n  ok: true,', false],
    ['[object Response]', false],
  ])('goes by what Bun shows: %j is %s', async (shown, expected) => {
    const inspect = vi.fn<(value: unknown) => string>(() => shown)
    const isStaticThere = await loadOn({ Bun: { inspect } })
    const response = newResponse()
    expect(isStaticThere(response)).toBe(expected)
    expect(inspect.mock.calls).toEqual([[response]])
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
