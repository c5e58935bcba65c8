import { BackgroundTasks, type Outcome } from 'background-tasks'
import * as door from 'background-tasks/bullmq'
import {
  durable,
  type DurableArgs,
  type DurableContext,
  type DurableOptions,
  type DurableQueue,
} from 'background-tasks/bullmq'
import { createPostgresBackend, type Job, Queue, Worker, withBackend } from 'bullmq'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

// The door gives this one and nothing else.
expectType<'durable'>({} as keyof typeof door)

declare function sendWelcome(email: string, options?: { copies: number }): Promise<string>
declare function sendReceipt(context: DurableContext, order: number): void

const connection = { host: '127.0.0.1', port: 6379 }
const queue = new Queue('emails', { connection })
const tasks = new BackgroundTasks()

// A queue of either server is one, and nothing else.
const postgres = withBackend(createPostgresBackend)
const connectionString = 'postgres://127.0.0.1/app'
expectAssignable<DurableQueue>(queue)
expectAssignable<DurableQueue>(new postgres.Queue('emails', { connection: connectionString }))
expectNotAssignable<DurableQueue>(connection)

const emails = durable(
  queue,
  { sendWelcome, sendReceipt: { run: sendReceipt, attempts: 3, backoff: 1000 } },
  { grace: 30_000 },
)

// The arguments are those of the function of that name, without the context of a `run`.
expectType<Promise<string>>(emails.addTask(tasks, 'sendWelcome', 'ada@example.com'))
expectType<Promise<string>>(emails.addTask(tasks, 'sendWelcome', 'a@b', { copies: 2 }))
expectType<Promise<string>>(emails.addTask(tasks, 'sendReceipt', 7))
expectAssignable<DurableArgs<typeof sendWelcome>>(['ada@example.com'])
expectType<[order: number]>({} as DurableArgs<{ run: typeof sendReceipt; attempts: number }>)
expectError(emails.addTask(tasks, 'sendWelcome'))
expectError(emails.addTask(tasks, 'sendWelcome', 7))
expectError(emails.addTask(tasks, 'sendReceipt', '7'))
expectError(emails.addTask(tasks, 'sendReceipt', 7, 8))

// Only names that were given, and only to a list.
expectError(emails.addTask(tasks, 'sendInvoice', 7))
expectError(emails.addTask('sendWelcome', 'ada@example.com'))

// As an object: the same types, and BullMQ's options but `delay`.
expectType<Promise<string>>(
  emails.addTask(tasks, {
    name: 'sendReceipt',
    args: [7],
    attempts: 3,
    backoff: { type: 'exponential', delay: 1000 },
    priority: 1,
    jobId: 'receipt-7',
    removeOnComplete: { age: 3600 },
  }),
)
expectType<Promise<string>>(
  emails.addTask(tasks, {
    name: 'sendWelcome',
    args: ['a@b'] as const,
    deduplication: { id: 'w' },
  }),
)
expectError(emails.addTask(tasks, { name: 'sendReceipt', args: ['7'] }))
expectError(emails.addTask(tasks, { name: 'sendReceipt', args: [7], attempts: '3' }))
expectError(emails.addTask(tasks, { name: 'sendReceipt', args: [7], delay: 1000 }))
expectError(emails.addTask(tasks, { name: 'sendReceipt', args: [7], retries: 3 }))

// The processor goes into a worker of either server.
expectType<Worker<any, void>>(new Worker('emails', emails.processor, { connection }))
new postgres.Worker('emails', emails.processor, { connection: connectionString })

// What a function in the worker is told.
expectType<Outcome | undefined>({} as DurableContext['outcome'])
expectType<AbortSignal>({} as DurableContext['signal'])
expectType<Job>({} as DurableContext['job'])

// Only functions, or objects with one.
expectError(durable(queue, { sendWelcome: sendWelcome('ada@example.com') }))
expectError(durable(queue, { sendReceipt: { attempts: 3 } }))

// Options are optional, each of them, and there are no others.
expectType<'grace' | 'storeTimeout'>({} as keyof DurableOptions)
expectAssignable<DurableOptions>({})
expectAssignable<DurableOptions>({ grace: 1000, storeTimeout: 1000 })
expectNotAssignable<DurableOptions>({ grace: '1s' })
