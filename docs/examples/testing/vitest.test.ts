import { BackgroundTasks, drain } from 'background-tasks'
import { afterEach, expect, it, vi } from 'vitest'
import { outbox, POST, sendWelcome, signUp } from './sign-up.ts'

function newRequest(): Request {
  const body = JSON.stringify({ email: 'ada@example.com' })
  return new Request('http://localhost/', { method: 'POST', body })
}

afterEach(() => {
  outbox.length = 0
  vi.useRealTimers()
})

it('adds the welcome, and does not send it', async () => {
  const tasks = new BackgroundTasks()
  const response = await signUp(tasks, newRequest())
  expect(response.status).toBe(202)
  expect(tasks.tasks).toMatchObject([{ func: sendWelcome, args: ['ada@example.com'] }])
  expect(outbox).toEqual([])
})

it('sends the welcome when its tasks are run', async () => {
  const tasks = new BackgroundTasks()
  await signUp(tasks, newRequest())
  await tasks.run()
  expect(await tasks.finished).toMatchObject([{ name: 'sendWelcome', status: 'fulfilled' }])
  expect(outbox).toEqual(['ada@example.com'])
})

it('sends the welcome after the response', async () => {
  const response = await POST(newRequest())
  expect(outbox).toEqual([])
  await response.text()
  expect(await drain({ timeout: 5_000 })).toEqual({ finished: 1, abandoned: [] })
  expect(outbox).toEqual(['ada@example.com'])
})

it('gives up on a task that takes too long', async () => {
  vi.useFakeTimers()
  const tasks = new BackgroundTasks([], { timeout: 60_000, onError: () => {} })
  tasks.addTask(function sendForEver() {
    return new Promise(() => {})
  })
  tasks.run().catch(() => {})
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await tasks.finished).toMatchObject([{ name: 'sendForEver', status: 'rejected' }])
})

it('says that nobody has read the response', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const tasks = new BackgroundTasks()
  tasks.wrap(await signUp(tasks, newRequest()), { unreadTimeout: 60_000 })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await tasks.finished).toMatchObject([{ outcome: 'unread', status: 'fulfilled' }])
})
