export { type WrapOptions } from './lib/after-response.ts'
export {
  BackgroundTask,
  type TaskContext,
  type TaskDefinition,
  type TaskResult,
  type TaskStatus,
} from './lib/background-task.ts'
export { BackgroundTasks, type BackgroundTasksOptions } from './lib/background-tasks.ts'
export { type Outcome } from './lib/body-end.ts'
export { BackgroundTaskError } from './lib/errors.ts'
export { drain } from './lib/in-flight.ts'
export { instrument } from './lib/instrument.ts'
export { type HandlerOptions, withBackgroundTasks } from './lib/with-background-tasks.ts'
