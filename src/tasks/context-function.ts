import type { TaskContext } from './task-types.ts'

/** The method of a function that wants the context of its task before its arguments. */
export const withContext: unique symbol = Symbol.for('background-tasks.withContext')

/** A function of `workerThread`, for one: its thread ends with the signal. */
export interface ContextFunction {
  [withContext](context: Pick<TaskContext, 'signal'>, ...args: unknown[]): unknown
}

export function wantsContext(fn: object): fn is ContextFunction {
  return withContext in fn && typeof fn[withContext] === 'function'
}
