import type { BackgroundTask } from './background-task.ts'
import { checkFunction, handled, report } from './errors.ts'
import { type Instrument, state } from './process-state.ts'

/** Milliseconds that an instrument has to call `run` before the task runs without it. */
const patience = 1000

/**
 * Wraps every task that starts from now on, in this process: tracing, metrics, logging.
 *
 * The first one registered is the outermost. One that throws, or never calls `run`, is reported by
 * `console.error` and harmless: the task still runs, once.
 *
 * @example Log how long each task took
 * ```ts
 * import { BackgroundTasks, instrument } from 'background-tasks'
 *
 * const undo = instrument(async (task, run) => {
 *   const start = performance.now()
 *   await run().finally(() => console.log(task.name, performance.now() - start))
 * })
 *
 * const tasks = new BackgroundTasks()
 * tasks.addTask(function cleanUp() {})
 * await tasks.run()
 * undo()
 * ```
 * @param around Called with the task and `run`, whose promise settles as the task does: it rejects
 * with the task's own error.
 * @returns The undo.
 * @throws `TypeError` if `around` is not a function.
 */
export function instrument(around: Instrument): () => void {
  checkFunction('instrument the tasks', 'it', around, 'pass a function (task, run)')
  state.instruments.add(around)
  return () => void state.instruments.delete(around)
}

/** Performs the task inside every instrument. */
export function instrumented(task: BackgroundTask, perform: () => void): void {
  // A task that was given up on has ended, though its function may never.
  const ended = handled(
    task.finished.then(({ status, error }) => {
      if (status === 'rejected') throw error
    }),
  )
  let run = async (): Promise<void> => {
    perform()
    await ended
  }
  for (const around of [...state.instruments].reverse()) {
    const inner = run
    run = () => observe(around, task, inner)
  }
  void handled(run())
}

/** Settles as the task does, whatever `around` does. */
function observe(
  around: Instrument,
  task: BackgroundTask,
  perform: () => Promise<void>,
): Promise<void> {
  return new Promise((resolve) => {
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
    // Called inside a promise, so that what it throws is handled like what it rejects with.
    new Promise((settle) => settle(around(task, run))).then(
      () => {
        if (performed === undefined) complain('did not call run')
      },
      (error: unknown) => {
        if (performed === undefined || error !== failure) complain('failed', error)
      },
    )
  })
}
