import { workerThread } from '../../src/worker-threads.ts'
import type * as functions from './thread-functions.ts'

/** A process that has nothing to do but one call. Its thread would wait for work for an hour. */
const url = new URL('./thread-functions.ts', import.meta.url)
const add = workerThread<typeof functions, 'add'>(url, 'add', { idleTimeout: 3_600_000 })
void add(1, 2).then(console.log)
