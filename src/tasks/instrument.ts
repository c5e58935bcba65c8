import { checkFunction } from '../util/checks.ts'
import { type BackgroundTask, isBackgroundTask } from './background-task.ts'
import { registry } from './registry.ts'

/**
 * Wraps every task that starts from now on, in this process: tracing, metrics, logging.
 *
 * The first one registered is the outermost. One that throws, or never calls `run`, is reported by
 * `console.error` and harmless: the task still runs, once. What it does at once after `run` comes
 * before the next task of the list.
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
 * One that is given twice runs once around each task, until both are undone.
 * @returns The undo.
 * @throws `TypeError` if `around` is not a function.
 */
export function instrument(
  around: (task: BackgroundTask, run: () => Promise<void>) => Promise<void>,
): () => void {
  checkFunction('instrument the tasks', 'it', around, 'pass a function (task, run)')
  const entry = registry.instruments.get(around) ?? {
    around: (task: object, run: () => Promise<void>) =>
      isBackgroundTask(task) ? around(task, run) : run(),
    uses: 0,
  }
  registry.instruments.set(around, entry)
  entry.uses += 1
  let isUndone = false
  return () => {
    if (isUndone) return
    isUndone = true
    entry.uses -= 1
    if (entry.uses === 0) registry.instruments.delete(around)
  }
}
