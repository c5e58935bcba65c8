import { describe, expect, it, vi } from 'vitest'
import { deno, isDeno, isDenoInfo, isStaticOnDeno } from '../../../src/hosts/deno.ts'
import { loadOn } from '../../support/load-on.ts'

const load = (): Promise<typeof import('../../../src/hosts/deno.ts')> =>
  import('../../../src/hosts/deno.ts')

/** A response as Deno makes it, whose body must not be looked at. */
function newResponse(key: string, inner: unknown): Response {
  const body = {
    get: (): never => {
      throw new Error('The body was looked at')
    },
  }
  return Object.defineProperties(new Response('text'), { body, [Symbol(key)]: { value: inner } })
}

describe('isDeno', () => {
  it('is true on Deno, and not here', async () => {
    expect(isDeno).toBe(false)
    expect((await loadOn({ Deno: {} }, load)).isDeno).toBe(true)
  })
})

describe('What fetch decodes on Deno', () => {
  it('is gzip and br, each by itself', () => {
    const codings = ['gzip', 'GZIP', 'br', '', 'x-gzip', 'deflate', 'zstd', 'gzip, br']
    expect(codings.filter((coding) => deno.decoded.test(coding))).toEqual(['gzip', 'GZIP', 'br'])
  })
})

describe('isDenoInfo()', () => {
  it('knows what Deno passes, and asks none of its getters', () => {
    const get = vi.fn<() => void>()
    const info = Object.defineProperties({}, { completed: { get }, remoteAddr: { get } })
    expect(isDenoInfo(info)).toBe(true)
    expect(get).not.toHaveBeenCalled()
  })

  it.each([undefined, null, {}, { completed: Promise.resolve() }])('is false for %o', (value) => {
    expect(isDenoInfo(value)).toBe(false)
  })
})

describe('isStaticOnDeno()', () => {
  it.each<[string, unknown, boolean]>([
    ['no body', { body: null }, true],
    ['a body not made yet', { body: {} }, true],
    ['text', { body: { streamOrStatic: { body: 'text', consumed: false } } }, true],
    ['a stream', { body: { streamOrStatic: new ReadableStream() } }, false],
    ['something else', {}, false],
    ['nothing', undefined, false],
  ])('goes by what a response of Deno is made of: %s', async (_, inner, expected) => {
    // It remembers the symbol of the first one.
    const there = await loadOn({}, load)
    expect(there.isStaticOnDeno(newResponse('response', inner))).toBe(expected)
  })

  it('is false where a response is made otherwise', () => {
    expect(isStaticOnDeno(newResponse('other', { body: null }))).toBe(false)
  })
})
