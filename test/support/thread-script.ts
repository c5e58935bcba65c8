import { getPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackgroundTasks } from '../../src/index.ts'
import { workerThread } from '../../src/worker-threads.ts'
import type * as functions from './thread-functions.ts'

/** Run by itself on each runtime. Its threads would wait for work for an hour. */
type Functions = typeof functions

const url = new URL('./thread-functions.ts', import.meta.url)
const fail = workerThread<Functions, 'fail'>(url, 'fail', { threads: 1, idleTimeout: 3_600_000 })
const failToWait = workerThread<Functions, 'failToWait'>(url, 'failToWait')
const priority = workerThread<Functions, 'priority'>(url, 'priority')
const block = workerThread<Functions, 'block'>(url, 'block')
const ignore = workerThread<Functions, 'ignore'>(url, 'ignore')
const returnFunction = workerThread<Functions, 'returnFunction'>(url, 'returnFunction')
const add = workerThread<Functions, 'add'>(url, 'add')

await fail().catch(({ name, code, cause }) => console.log(name, code, cause.cause.name))
await failToWait().catch(({ name, stack }) => console.log(name, typeof stack))
console.log((await priority()) - getPriority())
await ignore(() => {}).catch(({ message }) => console.log(message))
await returnFunction().catch(({ message }) => console.log(message))

const gate = new Int32Array(new SharedArrayBuffer(8))
const tasks = new BackgroundTasks([], { onError: ({ cause }) => console.log(String(cause)) })
const task = tasks.addTask(block, gate)
const run = tasks.run().catch(() => {})
while (Atomics.load(gate, 0) === 0) await sleep(5)
task.cancel(new Error('not needed any more'))
await run

void add(1, 2).then(console.log)
