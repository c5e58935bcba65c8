/**
 * The core: handlers with a list, tasks and lists, and what waits for them, watches them and ends
 * them. Guide: [the core](../docs/index.md).
 *
 * @module background-tasks
 */

export { type HandlerOptions } from './handler/handle.ts'
export { withBackgroundTasks } from './handler/with-background-tasks.ts'
export { type Outcome, type ResponseEnd } from './response/outcome.ts'
export { BackgroundTaskError } from './tasks/background-task-error.ts'
export { BackgroundTask } from './tasks/background-task.ts'
export { BackgroundTasks } from './tasks/background-tasks.ts'
export { drain } from './tasks/drain.ts'
export { inFlight } from './tasks/in-flight.ts'
export { instrument } from './tasks/instrument.ts'
export { type BackgroundTasksOptions } from './tasks/list-options.ts'
export {
  type TaskContext,
  type TaskDefinition,
  type TaskResult,
  type TaskStatus,
} from './tasks/task-types.ts'
export { waitUntil } from './tasks/wait-until.ts'
export { type When } from './tasks/when.ts'
export { type WrapOptions } from './tasks/wrap.ts'
