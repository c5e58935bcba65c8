import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { durable } from 'background-tasks/bullmq'
import { installApp } from '../apps/install.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { eventually } from './programs.ts'
import { connect } from './queue.ts'
import { startRedis } from './redis.ts'

/** A bull-board over a queue of e-mails that has been in use for a while. */
export interface Board {
  readonly server: ServerProcess
  readonly stop: () => Promise<void>
}

export async function startBoard(): Promise<Board> {
  const cwd = await installApp('bull-board')
  const redis = await startRedis()
  const closeEmails = await useEmails(redis.port)
  const server = await startServer([process.execPath, 'server.ts'], {
    cwd,
    env: { REDIS_URL: `redis://127.0.0.1:${redis.port}` },
  })
  return {
    server,
    stop: async () => {
      await server.stop()
      await closeEmails()
      await redis.stop()
    },
  }
}

/** Returns what ends its worker. */
async function useEmails(port: number): Promise<() => Promise<void>> {
  const { openQueue, openWorker } = connect('redis', port)
  const queue = openQueue('emails')
  const emails = durable(queue, {
    sendWelcome: (_email: string) => {},
    sendReceipt: {
      attempts: 2,
      backoff: 10,
      run: (_context: unknown, _email: string, order: number) => {
        if (order === 1005) throw mailboxFull()
      },
    },
  })
  const answer = withBackgroundTasks(async (tasks, email: string, order: number) => {
    await emails.addTask(tasks, 'sendWelcome', email)
    await emails.addTask(tasks, 'sendReceipt', email, order)
    return new Response('accepted', { status: 202 })
  })
  const worker = openWorker('emails', emails.processor, { name: 'mailer' })
  for (const [index, name] of ['ada', 'grace', 'alan', 'barbara', 'edsger'].entries()) {
    const response = await answer(`${name}@example.com`, 1001 + index)
    await response.text()
  }
  await eventually(async () => (await queue.getJobCounts('completed', 'failed'))['completed'] === 9)
  await eventually(async () => (await queue.getJobCounts('failed'))['failed'] === 1)
  await worker.pause()
  // One whose response never ends, and two that no worker has taken yet.
  const unfinished = new BackgroundTasks()
  await emails.addTask(unfinished, 'sendReceipt', 'frances@example.com', 1006)
  const response = await answer('radia@example.com', 1007)
  await response.text()
  await eventually(async () => (await queue.getJobCounts('waiting'))['waiting'] === 2)
  return async () => {
    await worker.close()
    await queue.close()
  }
}

/** Without the stack, which would show where this checkout lies. */
function mailboxFull(): Error {
  const error = new Error('550 mailbox full')
  error.stack = String(error)
  return error
}
