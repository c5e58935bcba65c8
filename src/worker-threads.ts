/**
 * Tasks on another thread, for work that computes. Guide:
 * [worker threads](../docs/worker-threads.md).
 *
 * @module background-tasks/worker-threads
 */

import { isDeepStrictEqual } from 'node:util'
import { withContext } from './tasks/context-function.ts'
import type { TaskContext } from './tasks/task-types.ts'
import { ThreadPool, type WorkerThreadOptions } from './threads/thread-pool.ts'
import { checkMilliseconds, isObject, kindOf, refuse } from './util/checks.ts'
import { checkOptions } from './util/options.ts'

export type { WorkerThreadOptions }

/** The names of the functions that a module exports. */
export type ThreadFunctionName<Module> = {
  [Name in keyof Module]: Module[Name] extends (...args: never[]) => unknown ? Name : never
}[keyof Module] &
  string

/** A function as it is called on another thread: its result is always a promise. */
export type ThreadFunction<Fn> = Fn extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Awaited<Result>>
  : never

/**
 * The name to pass. TypeScript infers all type arguments or none: next to an explicit module the name
 * is known by itself only when the module has one function. Otherwise this is the sentence to follow.
 */
export type OneName<Name, All = Name> = [Name] extends [never]
  ? "Pass the type of the module: workerThread<typeof import('./resize.ts')>(url, 'resize')"
  : Name extends unknown
    ? [All] extends [Name]
      ? Name
      : "Pass the name as a type too: workerThread<typeof import('./images.ts'), 'resize'>(url, 'resize')"
    : never

/** By the address of the module. */
const pools = new Map<string, { readonly pool: ThreadPool; readonly settings: object }>()

/**
 * Makes a function that runs on another thread, for work that would keep the server from answering.
 *
 * Give it to `addTask` in the place of the function itself:
 * `workerThread<typeof import('./resize.ts')>(new URL('./resize.js', import.meta.url), 'resize')`.
 * When the task is cancelled, times out, or is left at the deadline of `drain()`, its thread is ended
 * where it stands. Outside a task it is a function like any other.
 *
 * A module has threads of its own, shared by its functions. They start with the first calls, end when
 * there is no work, and do not keep the process alive. On Linux they have a lower priority than the
 * server. Arguments and results are copied as by `structuredClone`: a function or a promise cannot be,
 * and a class instance arrives as a plain object. An error keeps its name, message, stack, cause and
 * further properties.
 *
 * @example Derive a key without holding up the server
 * ```ts
 * import { BackgroundTasks } from 'background-tasks'
 * import { workerThread } from 'background-tasks/worker-threads'
 *
 * const scrypt = workerThread<typeof import('node:crypto'), 'scryptSync'>(
 *   new URL('node:crypto'),
 *   'scryptSync',
 * )
 *
 * const tasks = new BackgroundTasks()
 * tasks.addTask(scrypt, 'a password', 'a salt', 64)
 * await tasks.run()
 * ```
 * @param url The module to load in the thread.
 * @param name The function that it exports.
 * @param options How many threads, and their limits. Functions of one module agree on them.
 * @returns The function. It rejects with what the function in the thread throws.
 * @throws `TypeError` if `url` is not a `URL`, or the module has threads with other options.
 * @throws `RangeError` if `threads` is not a whole number above 0, or `idleTimeout` is not above 0.
 * @see {@link https://www.starlette.io/threadpool/ | Starlette's thread pool}
 */
export function workerThread<
  Module extends object,
  Name extends ThreadFunctionName<Module> = ThreadFunctionName<Module>,
>(url: URL, name: OneName<Name>, options?: WorkerThreadOptions): ThreadFunction<Module[Name]>
export function workerThread(
  url: URL,
  name: string,
  options: WorkerThreadOptions = {},
): (...args: unknown[]) => Promise<unknown> {
  if (typeof name !== 'string' || name === '') {
    const wrong = name === '' ? 'empty' : kindOf(name)
    refuse(verb, `the name of the function is ${wrong}`, 'pass that of an export of the module')
  }
  const pool = poolOf(url, options)
  return Object.defineProperties((...args: unknown[]) => pool.run(name, args), {
    name: { value: name },
    [withContext]: {
      value: ({ signal }: Pick<TaskContext, 'signal'>, ...args: unknown[]) =>
        pool.run(name, args, signal),
    },
  })
}

/** Bad calls read `Cannot make a worker thread: …`. */
const verb = 'make a worker thread'

function poolOf(url: URL, options: WorkerThreadOptions): ThreadPool {
  if (!(url instanceof URL)) {
    refuse(verb, `the module is ${kindOf(url)}`, "pass new URL('./module.js', import.meta.url)")
  }
  checkOptions(verb, options)
  const { threads, idleTimeout, resourceLimits } = options
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
    const advice = 'pass how many may run at once'
    refuse(verb, 'threads is not a whole number above 0', advice, RangeError)
  }
  checkMilliseconds(verb, 'idleTimeout', idleTimeout)
  if (resourceLimits !== undefined && !isObject(resourceLimits)) {
    const advice = 'pass an object, as to a Worker of Node.js'
    refuse(verb, `resourceLimits is ${kindOf(resourceLimits)}`, advice)
  }

  const settings = { threads, idleTimeout, resourceLimits: { ...resourceLimits } }
  const known = pools.get(url.href)
  if (known === undefined) {
    const pool = new ThreadPool(url.href, options)
    pools.set(url.href, { pool, settings })
    return pool
  }
  if (Object.keys(options).length > 0 && !isDeepStrictEqual(settings, known.settings)) {
    refuse(verb, `${url.href} has threads with other options`, 'pass the same ones')
  }
  return known.pool
}
