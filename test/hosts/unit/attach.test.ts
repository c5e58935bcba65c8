import { describe, expect, it, vi } from 'vitest'
import { attach } from '../../../src/hosts/attach.ts'
import type { Host, Teller } from '../../../src/hosts/host.ts'
import { carriedBy } from '../../../src/response/exchange.ts'
import type { Outcome, ResponseEnd } from '../../../src/response/outcome.ts'
import { newSource } from '../../support/source.ts'
import { turn } from '../../support/turn.ts'

/** Attaches, and notes how what is answered has ended. */
function attached<Answer>(answer: Answer, host: Host = {}, head?: Response) {
  const { exchange, sent } = attach(answer, host, head)
  const ends: ResponseEnd[] = []
  exchange.add({
    start: (end) => {
      ends.push(end)
      return undefined
    },
  })
  return { exchange, sent, outcomes: (): Outcome[] => ends.map(({ outcome }) => outcome), ends }
}

const get = { method: 'GET', signal: new AbortController().signal }

/** A host that tells the end by itself, at once or never. */
function telling(carrier: object, ends = false): Host & { tell: ReturnType<typeof vi.fn> } {
  const tell = vi.fn<Teller['tell']>((exchange) => {
    if (ends) exchange.end('closed')
  })
  return { request: get, carrier, teller: () => ({ tell }), tell }
}

describe('attach()', () => {
  it('observes the body where the host tells nothing', async () => {
    const response = new Response('body', { status: 201 })
    const { sent, outcomes, exchange } = attached(response, { request: get })
    expect(sent).not.toBe(response)
    expect(carriedBy(sent)).toBe(exchange)
    expect(exchange.head).toBe(sent)
    await turn()
    expect(outcomes()).toEqual([])
    expect(await sent.text()).toBe('body')
    await turn()
    expect(outcomes()).toEqual(['closed'])
  })

  it('leaves the answer alone where the host tells the end', async () => {
    const [response, carrier] = [new Response('body'), {}]
    const { sent, exchange, outcomes } = attached(response, telling(carrier))
    expect(sent).toBe(response)
    expect(carriedBy(carrier)).toBe(exchange)
    exchange.end('closed')
    await turn()
    expect(outcomes()).toEqual(['closed'])
    expect(response.bodyUsed).toBe(false)
  })

  it('leaves no trace on a carrier whose end the host tells at once', async () => {
    const carrier = {}
    const { outcomes } = attached(new Response('body'), telling(carrier, true))
    expect(carriedBy(carrier)).toBeUndefined()
    await turn()
    expect(outcomes()).toEqual(['closed'])
  })

  it.each<[string, unknown, Host]>([
    ['has no body', new Response(null), {}],
    ['answers a HEAD', new Response('body'), { request: { method: 'HEAD' } }],
    ['is no response', { data: 'of a loader' }, {}],
  ])('leaves an answer alone that %s: its end has come', async (_, answer, host) => {
    const { sent, outcomes } = attached(answer, host)
    expect(sent).toBe(answer)
    expect(carriedBy(sent)).toBeUndefined()
    await turn()
    expect(outcomes()).toEqual(['closed'])
  })

  it('tells of a client that has left where the answer has no body', async () => {
    const request = { method: 'GET', signal: AbortSignal.abort('gone') }
    const { ends } = attached(new Response(null), { request })
    await turn()
    expect(ends).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
  })

  it('shows the head of what is answered, and that which it is given for what is no response', async () => {
    const response = new Response(null, { status: 204 })
    const shown = attached(response)
    const redirect = attached(new Error('NEXT_REDIRECT'), {}, new Response(null, { status: 307 }))
    await turn()
    expect([shown, redirect].map(({ ends }) => ends[0]?.response?.status)).toEqual([204, 307])
  })
})

describe('attach() of an answer that has been attached', () => {
  it('finds its exchange by the response, and makes no second stream', () => {
    const inner = attached(new Response('body'))
    const outer = attached(inner.sent, { request: get })
    expect(outer.exchange).toBe(inner.exchange)
    expect(outer.sent).toBe(inner.sent)
  })

  it('hears by then of the client, if the inner one knew no request', async () => {
    const client = new AbortController()
    const { sent } = attached(newSource().response)
    const outer = attached(sent, { request: { method: 'GET', signal: client.signal } })
    client.abort('gone')
    await turn()
    expect(outer.outcomes()).toEqual(['cancelled'])
  })

  it('finds its exchange by what the host has of its own, and asks that once', () => {
    const host = telling({})
    const inner = attached(new Response('inner'), host)
    const outer = attached(new Response('outer'), host)
    expect(outer.exchange).toBe(inner.exchange)
    expect(host.tell).toHaveBeenCalledOnce()
  })

  it('lets the host tell the end from then on, of which the body is only a part', async () => {
    const inner = attached(new Response('body'))
    const outer = attached(inner.sent, telling({}))
    expect(outer.exchange).toBe(inner.exchange)
    await outer.sent.text()
    await turn()
    expect(inner.outcomes()).toEqual([])
    outer.exchange.end('closed')
    await turn()
    expect(inner.outcomes()).toEqual(['closed'])
  })

  // A constant without a body was told of by the signal of another request.
  it('has an exchange of its own where another request has answered with the same response', () => {
    const constant = new Response(null)
    const [first, second] = [attached(constant, telling({})), attached(constant, telling({}))]
    first.exchange.isCarriedBy(constant)
    expect(second.exchange).not.toBe(first.exchange)
    expect(attached(constant, telling({})).exchange).not.toBe(first.exchange)
  })
})
