import { describe, expect, it } from 'vitest'
import { answerOf } from '../../src/handler/thrown.ts'

/** As Next.js throws. */
function next(digest: string): Error {
  return Object.assign(new Error('thrown by Next'), { digest })
}

function fail(): never {
  throw new Error('not to be looked at')
}

describe('answerOf()', () => {
  it('is the head of a response that is thrown: the response itself', () => {
    const response = new Response(null, { status: 404 })
    expect(answerOf(response)).toBe(response)
  })

  it.each<[string, unknown, number, string | null]>([
    ['redirect() of Next', next('NEXT_REDIRECT;push;/sign-in;307;'), 307, '/sign-in'],
    ['one with a semicolon', next('NEXT_REDIRECT;replace;/a;b?c=ä;308;'), 308, '/a;b?c=%C3%A4'],
    ['notFound() of Next', next('NEXT_HTTP_ERROR_FALLBACK;404'), 404, null],
    ['redirect() of SvelteKit', { status: 303, location: '/sign-in' }, 303, '/sign-in'],
    ['one that is encoded', { status: 303, location: '/?to=%2Fä' }, 303, '/?to=%2F%C3%A4'],
  ])('is what the framework makes of %s', (_, thrown, status, location) => {
    const head = answerOf(thrown)
    expect([head?.status, head?.ok, head?.headers.get('location')]).toEqual([
      status,
      false,
      location,
    ])
  })

  it.each<[string, unknown]>([
    ['an error', new Error('bug')],
    ['another digest', next('1234567')],
    ["Next's bail out of a static page", next('DYNAMIC_SERVER_USAGE')],
    ['error() of SvelteKit', { status: 404, body: { message: 'not found' } }],
    ['a status that redirects nowhere', { status: 404, location: '/' }],
    ['an error that has both', Object.assign(new Error('bug'), { status: 303, location: '/' })],
    ['an HTTP error of a framework', Object.assign(new Error('bug'), { status: 404 })],
    ['a digest that is no text', { digest: Object.create(null) }],
    ['a getter that throws', Object.defineProperty(new Error('bug'), 'digest', { get: fail })],
    ['a proxy that throws', new Proxy({}, { has: fail })],
    ['a location that cannot be sent', { status: 303, location: '/\ud800' }],
    ['text', 'text'],
    ['nothing', undefined],
    ['null', null],
  ])('is nothing for %s', (_, thrown) => {
    expect(answerOf(thrown)).toBeUndefined()
  })
})
