import { describe, expect, it, vi } from 'vitest'
import { isResponse } from '../../src/response/is-response.ts'
import { ForeignResponse } from '../support/foreign-response.ts'

describe('isResponse()', () => {
  it.each<[string, unknown, boolean]>([
    ['a response', new Response(null), true],
    ['one of a subclass', new (class extends Response {})(null), true],
    ['one of another implementation', new ForeignResponse(null), true],
    ['a request', new Request('http://localhost/'), false],
    ['an object that looks like one', { status: 200, headers: new Headers(), body: null }, false],
    ['an error', new Error('Response'), false],
    ['nothing', undefined, false],
    ['null', null, false],
  ])('of %s', (_, value, expected) => {
    expect(isResponse(value)).toBe(expected)
  })

  it('touches nothing of a response', () => {
    const get = vi.fn<(target: object, key: PropertyKey) => unknown>(Reflect.get)
    expect(isResponse(new Proxy(new Response('body'), { get }))).toBe(true)
    expect(get).not.toHaveBeenCalled()
  })
})
