import { handled, report } from '../util/report.ts'
import { registry, type Surround } from './registry.ts'
import type { TaskResult } from './task-types.ts'

/** Milliseconds that an instrument has to call `run` before the task runs without it. */
const patience = 1000

/** What an instrument can run around. */
interface Instrumented {
  readonly face: object
  readonly name: string
  readonly ended: Promise<TaskResult>
}

/** Performs the task inside every instrument. Fulfilled when the last of them has ended. */
export async function instrumented(task: Instrumented, perform: () => void): Promise<void> {
  // A task that was given up on has ended, though its function may never.
  const ended = handled(
    task.ended.then(({ status, error }) => {
      if (status === 'rejected') throw error
    }),
  )
  const instruments = [...registry.instruments.values()].reverse()
  const settled: Promise<void>[] = []
  let run = async (): Promise<void> => {
    perform()
    await ended
  }
  for (const { around } of instruments) {
    const inner = run
    run = () => new Promise((resolve) => settled.push(observe(around, task, inner, resolve)))
  }
  await run().catch(() => {})
  await Promise.all(settled)
}

/** Resolves as the task does, whatever `around` does. */
async function observe(
  around: Surround,
  task: Instrumented,
  perform: () => Promise<void>,
  resolve: (performed: Promise<void>) => void,
): Promise<void> {
  let performed: Promise<void> | undefined
  let failure: unknown
  const run = (): Promise<void> => {
    if (performed === undefined) {
      clearTimeout(timer)
      performed = perform()
      performed.catch((error: unknown) => (failure = error))
      resolve(performed)
    }
    return performed
  }
  const complain = (what: string, cause?: unknown): void => {
    report(new Error(`The instrument of task ${task.name} ${what}`, { cause }))
    void run()
  }
  const timer = setTimeout(complain, patience, `has not called run for ${patience} ms`)
  try {
    await around(task.face, run)
    if (performed === undefined) complain('did not call run')
  } catch (error) {
    if (performed === undefined || !Object.is(error, failure)) complain('failed', error)
  }
}
