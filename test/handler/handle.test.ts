import { describe, expect, it, vi } from 'vitest'
import { checkedHandler, withLength } from '../../src/handler/handle.ts'
import { misuse } from '../support/misuse.ts'
import { watchReports } from '../support/reports.ts'

watchReports()

function newAnswer(): Response {
  return new Response(null)
}

describe('checkedHandler()', () => {
  it('refuses what is no handler, and options that are none', () => {
    expect(misuse(() => checkedHandler('text', {}))).toBe(
      'Cannot wrap the handler: it is a string, pass a function',
    )
    expect(misuse(() => checkedHandler(newAnswer, { unreadTimout: 5 } as object))).toContain(
      'Cannot wrap the handler: there is no option unreadTimout',
    )
  })

  it('begins each request with a list of its own, which its handler has not left', () => {
    const begin = checkedHandler(newAnswer, { concurrency: 2 })
    const [one, other] = [begin([]), begin([])]
    expect(one.tasks).not.toBe(other.tasks)
    expect([one.list.state, one.list.options.concurrency]).toEqual(['handling', 2])
    for (const { list } of [one, other]) list.release()
  })

  it('hands the end of the list to waitUntil before the handler is called', async () => {
    const calls: string[] = []
    const waitUntil = vi.fn<(promise: Promise<unknown>) => void>(() => void calls.push('held'))
    const handling = checkedHandler(newAnswer, { waitUntil })([])
    handling.handle(() => {
      calls.push('handler')
      return newAnswer()
    })
    expect(calls).toEqual(['held', 'handler'])
    expect(waitUntil.mock.calls).toEqual([[handling.list.ended]])
    await handling.list.ended
  })
})

describe('withLength()', () => {
  it('lets a host that looks at it pass its arguments: Deno passes none to a function of none', () => {
    expect([-1, 0, 1, 3].map((length) => withLength(() => {}, length).length)).toEqual([1, 1, 1, 3])
  })
})
