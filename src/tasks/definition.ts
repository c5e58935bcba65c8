import { checkMilliseconds, isThenable, kindOf, refuse } from '../util/checks.ts'
import { checkOptions } from '../util/options.ts'
import type { TaskContext, TaskDefinition } from './task-types.ts'
import { checkedWhen, type When } from './when.ts'

const verb = 'add the task'
const advice = 'pass the function itself and its arguments after it'

/** Refuses what calling it would not run: a generator function only makes a generator. */
export function checkTaskFunction(fn: object, attempt = verb): void {
  // A plain function has no such tag.
  const { [Symbol.toStringTag]: tag }: { readonly [Symbol.toStringTag]?: unknown } = fn
  if (tag === 'GeneratorFunction' || tag === 'AsyncGeneratorFunction') {
    refuse(
      attempt,
      'it is a generator function, which does not run when called',
      'pass an async one',
    )
  }
}

/** Checked and copied: what becomes of the object after that changes no task. */
export function checkedDefinition(task: unknown, args: readonly unknown[]): TaskDefinition {
  if (isThenable(task)) refuse(verb, 'it is a promise, so its function runs already', advice)
  const { name, run, timeout, when }: TaskDefinition = Object(task)
  // A `run` that every object has is somebody's polluted prototype.
  if (typeof run !== 'function' || run === Reflect.get(Object.prototype, 'run')) {
    refuse(verb, `it is ${kindOf(task)} without a function run`, advice)
  }
  checkTaskFunction(run)
  checkOptions(verb, task)
  if (name !== undefined && typeof name !== 'string') {
    refuse(verb, `its name is ${kindOf(name)}`, 'pass a string')
  }
  if (args.length > 0) refuse(verb, 'a definition takes no arguments', 'use them in its run')
  checkMilliseconds(verb, 'timeout', timeout)
  return {
    name: name ?? run.name,
    // As methods: they may be those of a class.
    run: (context: TaskContext) => Reflect.apply(run, task, [context]),
    ...(timeout !== undefined && { timeout }),
    ...(when !== undefined && { when: methodOf(task, checkedWhen(verb, when)) }),
  }
}

function methodOf(task: unknown, when: When): When {
  return typeof when === 'function' ? (end) => Reflect.apply(when, task, [end]) : when
}
