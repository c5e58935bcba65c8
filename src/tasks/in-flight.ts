import { type BackgroundTask, isBackgroundTask } from './background-task.ts'
import type { Item } from './item.ts'
import { registry } from './registry.ts'
import { isTask, type Task } from './task.ts'

/**
 * The tasks that wait or run in this process now, those of running handlers too, without cleanups: for
 * a gauge, a status page. It walks all lists, so not for every request: what answers 503 asks the queue
 * of its `limit`.
 *
 * @example How much is left to do
 * ```ts
 * import { BackgroundTasks, inFlight } from 'background-tasks'
 *
 * const tasks = new BackgroundTasks()
 * tasks.addTask(function resize() {
 *   console.log(inFlight().map(({ name, status }) => `${name} ${status}`)) // [ 'resize running' ]
 * })
 * await tasks.run()
 * ```
 * @returns A snapshot.
 */
export function inFlight(): BackgroundTask[] {
  return openTasks(registry.inFlight.items)
    .filter(({ isCleanup }) => !isCleanup)
    .map(({ face }) => face)
    .filter(isBackgroundTask)
}

/** The tasks of these, and of the lists in them, that have not ended; running cleanups too. */
export function openTasks(items: Iterable<Item>): Task[] {
  const all = new Set<Item>()
  for (const item of items) item.collect(all)
  return [...all].filter(isTask).filter((task) => !task.isIdle)
}
