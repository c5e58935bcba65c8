import { describe, expect, it } from 'vitest'
import { End, outcomes } from '../../src/response/outcome.ts'
import { everyOutcome } from '../support/witness.ts'

describe('outcomes', () => {
  it('are all that there are', () => {
    expect(outcomes).toEqual(everyOutcome)
  })
})

describe('An End', () => {
  it('says how a response ended, and shows the head that was answered', () => {
    const head = new Response('body', { status: 201 })
    const end = new End('cancelled', 'gone', head)
    expect([end.outcome, end.reason]).toEqual(['cancelled', 'gone'])
    expect(end.response).toBe(head)
    expect(new End('closed').response).toBeUndefined()
  })

  // Headers may hold a session.
  it('prints no head', () => {
    const end = new End('closed', undefined, new Response(null, { headers: { 'x-key': 'secret' } }))
    expect(Object.keys(end)).toEqual(['outcome', 'reason'])
    expect(JSON.stringify(end)).not.toContain('secret')
  })
})
