import assert from 'node:assert/strict'
import { afterEach, mock, test } from 'node:test'
import { BackgroundTask, BackgroundTasks, drain } from 'background-tasks'
import { outbox, POST, sendWelcome, signUp } from './sign-up.ts'

function newRequest(): Request {
  const body = JSON.stringify({ email: 'ada@example.com' })
  return new Request('http://localhost/', { method: 'POST', body })
}

afterEach(() => {
  outbox.length = 0
  mock.timers.reset()
})

// #region spy
test('adds the welcome, and does not send it', async () => {
  const tasks = new BackgroundTasks()
  const response = await signUp(tasks, newRequest())
  assert.equal(response.status, 202)
  const [task] = tasks.tasks
  assert.ok(task instanceof BackgroundTask)
  assert.equal(task.func, sendWelcome)
  assert.deepEqual(task.args, ['ada@example.com'])
  assert.deepEqual(outbox, [])
})
// #endregion

test('sends the welcome when its tasks are run', async () => {
  const tasks = new BackgroundTasks()
  await signUp(tasks, newRequest())
  await tasks.run()
  const [result] = await tasks.finished
  assert.equal(result?.status, 'fulfilled')
  assert.deepEqual(outbox, ['ada@example.com'])
})

test('sends the welcome after the response', async () => {
  const response = await POST(newRequest())
  assert.deepEqual(outbox, [])
  await response.text()
  assert.deepEqual(await drain({ timeout: 5_000 }), { finished: 1, abandoned: [] })
  assert.deepEqual(outbox, ['ada@example.com'])
})

// #region timers
test('gives up on a task that takes too long', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const tasks = new BackgroundTasks([], { timeout: 60_000, onError: () => {} })
  tasks.addTask(function sendForEver() {
    return new Promise(() => {})
  })
  tasks.run().catch(() => {})
  mock.timers.tick(60_000)
  const [result] = await tasks.finished
  assert.equal(result?.status, 'rejected')
})

test('says that nobody has read the response', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const tasks = new BackgroundTasks()
  tasks.wrap(await signUp(tasks, newRequest()), { unreadTimeout: 60_000 })
  mock.timers.tick(60_000)
  const [result] = await tasks.finished
  assert.equal(result?.outcome, 'unread')
})
// #endregion
