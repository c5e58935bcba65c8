import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it, vi } from 'vitest'
import { carriedBy, Exchange, type Work } from '../../src/response/exchange.ts'
import type { ResponseEnd } from '../../src/response/outcome.ts'
import { newGate } from '../support/gate.ts'
import { loadOn } from '../support/load-on.ts'
import { microtasks, turn } from '../support/turn.ts'

/** Work that notes its start, and ends at once or with a promise. */
function newWork(name: string, starts: string[], ended?: Promise<unknown>): Work {
  return {
    start: ({ outcome }) => {
      starts.push(`${name} ${outcome}`)
      return ended
    },
  }
}

describe('An Exchange', () => {
  it('starts what waits for it in a later macrotask than its end', async () => {
    const starts: string[] = []
    const exchange = new Exchange()
    exchange.add(newWork('work', starts))
    await turn()
    expect(starts).toEqual([])
    exchange.end('closed')
    await microtasks()
    expect(starts).toEqual([])
    await turn()
    expect(starts).toEqual(['work closed'])
  })

  it('starts one piece of work after the other, in the order added', async () => {
    const starts: string[] = []
    const gate = newGate()
    const exchange = new Exchange()
    exchange.add(newWork('first', starts, gate.opened))
    exchange.add(newWork('second', starts))
    exchange.end('closed')
    // In time, since it is added in the turn of the end.
    exchange.add(newWork('third', starts))
    await turn()
    expect(starts).toEqual(['first closed'])
    gate.open()
    await turn()
    expect(starts).toEqual(['first closed', 'second closed', 'third closed'])
  })

  it('ends once: what it is told first counts', async () => {
    const starts: string[] = []
    const exchange = new Exchange()
    exchange.add(newWork('work', starts))
    exchange.end('cancelled', 'gone')
    exchange.end('closed')
    await turn()
    exchange.end('errored')
    await turn()
    expect(starts).toEqual(['work cancelled'])
  })

  it('tells the reason, and the head that was answered by then', async () => {
    const start = vi.fn<(end: ResponseEnd) => undefined>()
    const exchange = new Exchange()
    exchange.add({ start })
    const head = new Response(null, { status: 404 })
    exchange.head = head
    exchange.end('errored', 'broken')
    await turn()
    expect(start.mock.calls).toMatchObject([[{ outcome: 'errored', reason: 'broken' }]])
    expect(start.mock.calls[0]?.[0].response).toBe(head)
  })

  it('starts each in the async context in which it was added', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const work: Work = {
      start: () => {
        seen.push(requests.getStore())
        return undefined
      },
    }
    const exchange = new Exchange()
    requests.run('inner', () => exchange.add(work))
    requests.run('outer', () => exchange.add(work))
    requests.run('the end', () => exchange.end('closed'))
    await turn()
    expect(seen).toEqual(['inner', 'outer'])
  })

  it('forgets work that is removed', async () => {
    const starts: string[] = []
    const exchange = new Exchange()
    const removed = newWork('removed', starts)
    exchange.add(removed)
    exchange.add(newWork('kept', starts))
    exchange.remove(removed)
    exchange.end('closed')
    await turn()
    expect(starts).toEqual(['kept closed'])
  })
})

describe('Exchange.bodyEnded()', () => {
  it('is the end where nothing else tells it', async () => {
    const starts: string[] = []
    const exchange = new Exchange()
    exchange.add(newWork('work', starts))
    exchange.bodyEnded('closed')
    await turn()
    expect(starts).toEqual(['work closed'])
  })

  it('leaves a close to the host where that tells the end, but not a cancel or an error', async () => {
    const starts: string[] = []
    const exchange = new Exchange()
    exchange.isToldByHost = true
    exchange.add(newWork('work', starts))
    exchange.bodyEnded('closed')
    await turn()
    expect(starts).toEqual([])
    exchange.bodyEnded('errored')
    await turn()
    expect(starts).toEqual(['work errored'])
  })
})

describe('carriedBy()', () => {
  // What comes next on the connection, or from a task, is not part of that response.
  it('finds the exchange of a carrier, until its end is told', () => {
    const [exchange, carrier, another] = [new Exchange(), {}, {}]
    exchange.isCarriedBy(carrier)
    exchange.isCarriedBy(another)
    expect([carriedBy(carrier), carriedBy(another)]).toEqual([exchange, exchange])
    exchange.end('closed')
    expect([carriedBy(carrier), carriedBy(another)]).toEqual([undefined, undefined])
  })

  // The end could not be told: reading the body failed.
  it('finds it in a carrier that is frozen after that, until its end is told', () => {
    const [exchange, carrier] = [new Exchange(), {}]
    exchange.isCarriedBy(carrier)
    Object.freeze(carrier)
    expect(carriedBy(carrier)).toBe(exchange)
    exchange.end('closed')
    expect(carriedBy(carrier)).toBeUndefined()
  })

  it('finds none in what was frozen before', () => {
    const carrier = Object.freeze({})
    new Exchange().isCarriedBy(carrier)
    expect(carriedBy(carrier)).toBeUndefined()
  })

  it('finds none in what is to carry one that has ended', () => {
    const [exchange, carrier] = [new Exchange(), {}]
    exchange.end('closed')
    exchange.isCarriedBy(carrier)
    expect(carriedBy(carrier)).toBeUndefined()
  })

  it('leaves a carrier alone that carries another one by now', () => {
    const [first, second, carrier] = [new Exchange(), new Exchange(), {}]
    first.isCarriedBy(carrier)
    second.isCarriedBy(carrier)
    first.end('closed')
    expect(carriedBy(carrier)).toBe(second)
  })

  it.each([[undefined], [null], ['text'], [{}]])('finds none in %o', (carrier) => {
    expect(carriedBy(carrier)).toBeUndefined()
  })

  it('finds that of another copy of the package', async () => {
    const [exchange, carrier] = [new Exchange(), {}]
    exchange.isCarriedBy(carrier)
    const other = await loadOn({}, () => import('../../src/response/exchange.ts'))
    expect(other.carriedBy).not.toBe(carriedBy)
    expect(other.carriedBy(carrier)).toBe(exchange)
  })
})
