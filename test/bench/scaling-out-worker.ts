// The worker process of scaling-out.ts: it tells when it has run what.
import { durable } from 'background-tasks/bullmq'
import { connect } from '../services/queue.ts'
import { now } from './scaling-out-task.ts'

const { openQueue, openWorker } = connect()
const note = (id: number): unknown => process.send?.({ id, ran: now() })
openWorker('bench', durable(openQueue('bench'), { note }).processor, { concurrency: 16 })
