import { wantsContext, withContext } from './context-function.ts'
import type { TaskContext, TaskDefinition } from './task-types.ts'
import type { When } from './when.ts'

/** Arguments go to the function untyped here: the public constructor has checked them by its types. */
export type Callable = (...args: never) => unknown

const none: readonly never[] = []

/** What a task calls: a function with its arguments, or the `run` of a definition. */
export class Call {
  readonly func: Callable | undefined
  readonly args: readonly unknown[] | undefined
  readonly when: When | undefined
  readonly timeout: number | undefined
  readonly #run: TaskDefinition['run'] | undefined

  constructor(work: Callable | TaskDefinition, args: readonly unknown[]) {
    if (typeof work === 'function') {
      this.func = work
      this.args = args.length === 0 ? none : args
    } else {
      this.when = work.when
      this.timeout = work.timeout
      this.#run = work.run
    }
  }

  invoke(turn: { readonly context: TaskContext }): unknown {
    const { func, args = none } = this
    if (func === undefined) return this.#run?.(turn.context)
    if (wantsContext(func)) return func[withContext](turn.context, ...args)
    return Reflect.apply(func, undefined, args)
  }
}
