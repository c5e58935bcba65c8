import { availableParallelism } from 'node:os'
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type ResourceLimits,
} from 'node:worker_threads'
import { Piscina } from 'piscina'
import { report } from '../util/report.ts'
import { longestTimer } from '../util/timers.ts'
import type { ThreadCall, ThreadReply } from './thread-entry.ts'
import { decodeError } from './thread-error.ts'

/** How the threads of a module are made. All functions of the module share them. */
export interface WorkerThreadOptions {
  /**
   * How many threads may run at once, a whole number from 1. Further calls wait, in their order.
   *
   * @default one fewer than the cores of the machine, at least 1: the server keeps one to itself
   */
  threads?: number
  /**
   * Milliseconds, above 0, after which a thread without work ends.
   *
   * @default 10_000
   */
  idleTimeout?: number
  /**
   * Bounds of each thread's memory, in megabytes.
   *
   * @default those of Node.js
   * @see {@link https://nodejs.org/api/worker_threads.html#workerresourcelimits | Node.js}
   */
  resourceLimits?: ResourceLimits
}

// The tests run the sources, users the build.
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const entry = new URL(`thread-entry.${extension}`, import.meta.url).href

/** The threads of one module: none before the first call, and none when there is no work. */
export class ThreadPool {
  readonly #module: string
  readonly #threads: number
  readonly #piscina: Piscina<ThreadCall, void>
  readonly #waiting = new Map<AbortController, () => void>()
  readonly #running = new Set<AbortController>()

  constructor(module: string, options: WorkerThreadOptions) {
    const { threads = Math.max(1, availableParallelism() - 1), idleTimeout = 10_000 } = options
    this.#module = module
    this.#threads = threads
    this.#piscina = new Piscina({
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: idleTimeout > longestTimer ? Infinity : idleTimeout,
      resourceLimits: options.resourceLimits ?? {},
      // With atomics an idle thread is blocked, and with it the timers and sockets of the module.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#piscina.on('error', (error) => this.#onIdleError(error))
  }

  /** Calls the export `name` on a thread. When `signal` aborts, that thread is ended. */
  async run(name: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted()
    const controller = new AbortController()
    const abort = (): void => controller.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    // Each call has its own port: the arguments are cloned once, as they are now.
    const { port1, port2 } = new MessageChannel()
    try {
      sendArguments(port1, name, args)
      await this.#turn(controller)
      const failure = await this.#perform({ module: this.#module, name, port: port2 }, controller)
      const received = receiveMessageOnPort(port1)
      if (received === undefined) throw failure
      if (failure !== undefined) this.#reportEnd(failure)
      return this.#read(name, received.message)
    } finally {
      port1.close()
      signal?.removeEventListener('abort', abort)
      this.#waiting.delete(controller)
      this.#running.delete(controller)
      this.#startWaiting()
    }
  }

  /**
   * Waits until there is a thread for one more call. Piscina has a queue, but forgets what is in it
   * when the only thread is ended, and does not keep the order of calls that have a signal.
   */
  #turn(controller: AbortController): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = controller
      signal.addEventListener('abort', () => reject(signal.reason))
      this.#waiting.set(controller, resolve)
      this.#startWaiting()
    })
  }

  #startWaiting(): void {
    for (const [controller, start] of this.#waiting) {
      if (this.#running.size >= this.#threads) return
      this.#waiting.delete(controller)
      this.#running.add(controller)
      start()
    }
  }

  /** Resolves with the error that ended the thread, if one did. */
  async #perform(call: ThreadCall, { signal }: AbortController): Promise<unknown> {
    try {
      await this.#piscina.run(call, { filename: entry, transferList: [call.port], signal })
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      return error
    }
  }

  #read(name: string, reply: ThreadReply): unknown {
    const problem = `Cannot run ${name} on another thread`
    switch (reply.type) {
      case 'result':
        return reply.result
      case 'thrown':
        throw decodeError(reply.error)
      case 'no module':
        throw new Error(
          `${problem}: ${this.#module} cannot be loaded, check the URL and the cause`,
          {
            cause: decodeError(reply.error),
          },
        )
      case 'no function':
        throw new TypeError(`${problem}: ${this.#module} exports no such function, export it there`)
      case 'uncloneable':
        throw new TypeError(`${problem}: its result cannot be cloned, return plain data`)
    }
  }

  /** A thread without a call has failed: while it started, or by what an earlier call left behind. */
  #onIdleError(error: unknown): void {
    if (this.#piscina.threads.length > 0 || this.#running.size === 0) {
      this.#reportEnd(error)
    } else {
      for (const controller of this.#running) controller.abort(error)
    }
  }

  #reportEnd(cause: unknown): void {
    report(
      new Error(`A thread of ${this.#module} has ended after its call, see the cause`, { cause }),
    )
  }
}

/** The message of a `DataCloneError` holds what could not be cloned, so it is not passed on. */
function sendArguments(port: MessagePort, name: string, args: readonly unknown[]): void {
  try {
    port.postMessage(args)
  } catch {
    const index = args.findIndex((argument) => !isCloneable(argument))
    // Each of them may have a clone of its own, as where a getter has thrown only once.
    const what = index === -1 ? 'its arguments' : `argument ${index + 1}`
    throw new TypeError(
      `Cannot run ${name} on another thread: ${what} cannot be cloned, pass plain data`,
    )
  }
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
