import { fileURLToPath } from 'node:url'
import { BackgroundTasks } from 'background-tasks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { startServer } from '../support/server-process.ts'
import { startPostgres } from './postgres.ts'
import { eventually } from './programs.ts'
import { startRedis } from './redis.ts'
import type { Service } from './service.ts'

let redis: Service
let postgres: Service
beforeAll(async () => {
  ;[redis, postgres] = await Promise.all([startRedis(), startPostgres()])
  process.env['REDIS_URL'] = `redis://127.0.0.1:${redis.port}`
  process.env['DATABASE_URL'] = `postgres://postgres@127.0.0.1:${postgres.port}/postgres`
})
afterAll(async () => {
  await redis.stop()
  await postgres.stop()
})

let printed: unknown[] = []
beforeEach(() => {
  printed = []
  vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(line))
})
afterEach(() => vi.restoreAllMocks())

async function post(handler: (request: Request) => unknown, body: object): Promise<Response> {
  const request = new Request('http://localhost/', { method: 'POST', body: JSON.stringify(body) })
  const response = (await handler(request)) as Response
  await response.text()
  return response
}

const ada = { email: 'ada@example.com' }

describe('docs/examples/bullmq/', () => {
  it('signup.ts answers, and sends the mail after it', async () => {
    const { POST, worker } = await import('../../docs/examples/bullmq/signup.ts')
    expect((await post(POST, ada)).status).toBe(202)
    await eventually(() => printed.length > 0)
    expect(printed).toEqual(['welcome, ada@example.com'])
    expect(worker.opts.maxStalledCount).toBe(10)
    await worker.close()
  })

  it('handler.ts stores what worker.ts runs, and answers 503 without a queue', async () => {
    const { POST } = await import('../../docs/examples/bullmq/handler.ts')
    const { queue } = await import('../../docs/examples/bullmq/emails.ts')
    expect((await post(POST, ada)).status).toBe(202)
    const file = fileURLToPath(new URL('../../docs/examples/bullmq/worker.ts', import.meta.url))
    const worker = await startServer([process.execPath, file], {
      isReady: () => Promise.resolve(),
    })
    await eventually(() => worker.output().includes('welcome, ada@example.com'))
    worker.child.kill('SIGTERM')
    expect(await worker.exited).toBe(0)
    await queue.close()
    vi.spyOn(console, 'error').mockImplementation((error) => void printed.push(String(error)))
    expect((await post(POST, ada)).status).toBe(503)
    expect(printed).toEqual([
      expect.stringContaining('Cannot add emails.sendWelcome: the queue has not stored it'),
    ])
  })

  it('receipts.ts sends one receipt for an order that is sent twice', async () => {
    const { POST, queue, receipts } = await import('../../docs/examples/bullmq/receipts.ts')
    const { Worker } = await import('bullmq')
    await Promise.all([post(POST, { order: 7 }), post(POST, { order: 7 })])
    await eventually(async () => (await queue.getJob('receipt-7')) !== undefined)
    const { connection } = await import('../../docs/examples/bullmq/emails.ts')
    const worker = new Worker(queue.name, receipts.processor, { connection })
    await eventually(async () => (await queue.getJob('receipt-7'))?.finishedOn !== undefined)
    expect(printed).toEqual(['receipt 7, response closed, attempt 1'])
    await worker.close()
    await queue.close()
  })

  it.each([
    ['postgres.ts', () => import('../../docs/examples/bullmq/postgres.ts')],
    ['telemetry.ts', () => import('../../docs/examples/bullmq/telemetry.ts')],
  ])('%s runs a job', async (_, load) => {
    const { emails, queue, worker } = await load()
    const tasks = new BackgroundTasks()
    await emails.addTask(tasks, 'sendWelcome', ada.email)
    await tasks.run()
    await eventually(() => printed.length > 0)
    expect(printed).toEqual(['welcome, ada@example.com'])
    expect(worker.opts.maxStalledCount).toBe(10)
    await worker.close()
    await queue.close()
  })
})
