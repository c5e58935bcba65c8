import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Board, startBoard } from './bull-board.ts'

describe('bull-board', () => {
  let board: Board
  beforeAll(async () => {
    board = await startBoard()
  })
  afterAll(() => board?.stop())

  it('shows the jobs of durable() with their arguments and outcomes', async () => {
    const origin = `http://127.0.0.1:${board.server.port}/queues`
    const page = await fetch(origin)
    expect(await page.text()).toContain('<title>')
    const { queues } = await (
      await fetch(`${origin}/api/queues?activeQueue=emails&status=completed`)
    ).json()
    expect(queues).toMatchObject([
      { name: 'emails', counts: { completed: 9, failed: 1, delayed: 1, waiting: 2 } },
    ])
    expect(queues[0].jobs).toContainEqual(
      expect.objectContaining({
        name: 'sendReceipt',
        data: { args: ['ada@example.com', 1001], outcome: 'closed' },
      }),
    )
  })
})
