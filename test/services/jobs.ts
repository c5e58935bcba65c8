import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { durable, type DurableContext } from 'background-tasks/bullmq'
import { connect } from './queue.ts'

/** The functions of the suites: the web process adds them, the worker process runs them. */
const functions = {
  /** Leaves a line that survives the process. */
  record: {
    run: ({ outcome }: DurableContext, id: string) => {
      appendFileSync(process.env['RECORDS'] ?? '', `${id} ${outcome}\n`)
    },
  },
  /** Never ends in the first worker that takes it. */
  stick: async (id: string) => {
    console.log(`@event ${JSON.stringify({ type: 'started', id })}`)
    if (process.env['STUCK'] === 'yes') await sleep(600_000)
    appendFileSync(process.env['RECORDS'] ?? '', `${id} again\n`)
  },
}

export const { openQueue, openWorker } = connect()

export const jobs = durable(openQueue('jobs'), functions, {
  grace: Number(process.env['GRACE']),
  storeTimeout: Number(process.env['STORE_TIMEOUT'] ?? 10_000),
})
