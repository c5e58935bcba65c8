import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { POST } from '../docs/examples/worker-threads/handler.ts'
import { BackgroundTasks, drain } from '../src/index.ts'
import * as door from '../src/worker-threads.ts'
import { workerThread, type WorkerThreadOptions } from '../src/worker-threads.ts'
import { exportedNames } from './support/exported-names.ts'
import type * as functions from './support/thread-functions.ts'
import { SuppressedError } from './support/thread-functions.ts'
import { watchThreads } from './support/threads.ts'

type Functions = typeof functions

const file = new URL('support/thread-functions.ts', import.meta.url)

/** Threads of their own for a test: the address is another one. */
function newModule(): URL {
  return new URL(`?${crypto.randomUUID()}`, file)
}

const workers = watchThreads()

/** Resolves when every thread started by the test has ended. */
async function threadsEnded(): Promise<void> {
  const alive = workers.filter(({ threadId }) => threadId !== -1)
  await Promise.all(alive.map((worker) => new Promise((resolve) => worker.once('exit', resolve))))
}

/** A call that blocks its thread until `open`; `entered` resolves when it does. */
function newGate(): { shared: Int32Array; entered: () => Promise<void>; open: () => void } {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  return {
    shared,
    entered: async () => {
      while (Atomics.load(shared, 0) === 0) await sleep(5)
    },
    open: () => {
      Atomics.store(shared, 1, 1)
      Atomics.notify(shared, 1)
    },
  }
}

/** The tests look at the results themselves. */
const quiet = { onError: (): void => {} }

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('It did not reject'),
    (error: unknown) => error,
  )
}

describe('background-tasks/worker-threads', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('worker-threads', door)).toEqual({
      values: ['workerThread'],
      types: ['OneName', 'ThreadFunction', 'ThreadFunctionName', 'WorkerThreadOptions'],
    })
  })
})

describe('workerThread()', { timeout: 30_000 }, () => {
  it('runs the function on another thread and returns its result', async () => {
    const whereAmI = workerThread<Functions, 'whereAmI'>(newModule(), 'whereAmI')
    expect(await whereAmI()).toEqual({ isMainThread: false, threadId: workers[0]?.threadId })
  })

  it('passes all arguments', async () => {
    const add = workerThread<Functions, 'add'>(newModule(), 'add')
    expect(await add(1, 2)).toBe(3)
  })

  it('gives its name to the task', async () => {
    const add = workerThread<Functions, 'add'>(newModule(), 'add')
    const tasks = new BackgroundTasks()
    const task = tasks.addTask(add, 1, 2)
    await tasks.run()
    expect(await task.finished).toMatchObject({ name: 'add', status: 'fulfilled' })
  })

  it('copies data of every cloneable kind there and back', async () => {
    const echo = workerThread<Functions, 'echo'>(newModule(), 'echo')
    const value = { map: new Map([[1, new Date(0)]]), bytes: Uint8Array.of(1, 2), none: undefined }
    expect(await echo(value)).toEqual(value)
  })

  it('copies the arguments at the call, not when a thread is free', async () => {
    const url = newModule()
    const block = workerThread<Functions, 'block'>(url, 'block', { threads: 1 })
    const echo = workerThread<Functions, 'echo'>(url, 'echo')
    const gate = newGate()
    const blocked = block(gate.shared)
    await gate.entered()
    const argument = { width: 800 }
    const echoed = echo(argument)
    argument.width = 1
    gate.open()
    expect(await echoed).toEqual({ width: 800 })
    await blocked
  })

  it('shares the threads of a module between its functions', async () => {
    const url = newModule()
    const whereAmI = workerThread<Functions, 'whereAmI'>(url, 'whereAmI', { threads: 1 })
    const threadIdAgain = workerThread<Functions, 'threadIdAgain'>(url, 'threadIdAgain')
    const { threadId } = await whereAmI()
    expect(await threadIdAgain()).toBe(threadId)
    expect(workers).toHaveLength(1)
  })

  it('lets the server go first on Linux, where a thread has a priority of its own', async () => {
    const priority = workerThread<Functions, 'priority'>(newModule(), 'priority')
    const before = getPriority()
    const own = process.platform === 'linux' ? Math.min(before + 10, 19) : before
    expect(await priority()).toBe(own)
    expect(getPriority()).toBe(before)
  })

  it('runs no more calls at once than it has threads, in their order', async () => {
    const url = newModule()
    const block = workerThread<Functions, 'block'>(url, 'block', { threads: 2 })
    const append = workerThread<Functions, 'append'>(url, 'append')
    const [first, second] = [newGate(), newGate()]
    const blocked = [block(first.shared), block(second.shared)]
    await Promise.all([first.entered(), second.entered()])
    const log = new Int32Array(new SharedArrayBuffer(24))
    const appended = [1, 2, 3, 4, 5].map((value) => append(log, value))
    first.open()
    await Promise.all(appended)
    expect([...log]).toEqual([5, 1, 2, 3, 4, 5])
    expect(workers).toHaveLength(2)
    second.open()
    await Promise.all(blocked)
  })
})

describe('workerThread() and the signal of the task', { timeout: 30_000 }, () => {
  it('ends the thread when the task is cancelled', async () => {
    const block = workerThread<Functions, 'block'>(newModule(), 'block')
    const gate = newGate()
    const tasks = new BackgroundTasks([], quiet)
    const task = tasks.addTask(block, gate.shared)
    const run = rejection(tasks.run())
    await gate.entered()
    const reason = new Error('not needed any more')
    task.cancel(reason)
    await threadsEnded()
    expect(await task.finished).toMatchObject({ status: 'rejected', error: reason })
    await run
  })

  it('ends the thread when the task times out', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const block = workerThread<Functions, 'block'>(newModule(), 'block')
    const gate = newGate()
    const tasks = new BackgroundTasks([], { timeout: 5000, ...quiet })
    const task = tasks.addTask(block, gate.shared)
    const run = rejection(tasks.run())
    await gate.entered()
    vi.advanceTimersByTime(5000)
    vi.useRealTimers()
    await threadsEnded()
    expect(await task.finished).toMatchObject({ error: { name: 'TimeoutError' } })
    await run
  })

  it('ends the thread at the deadline of drain()', async () => {
    const block = workerThread<Functions, 'block'>(newModule(), 'block')
    const gate = newGate()
    const tasks = new BackgroundTasks([], quiet)
    const task = tasks.addTask(block, gate.shared)
    const run = rejection(tasks.run())
    await gate.entered()
    expect(await drain({ timeout: 1 })).toEqual({ finished: 0, abandoned: [task] })
    await threadsEnded()
    await run
  })

  it('forgets a call that waits for a thread, and goes on with the next', async () => {
    const url = newModule()
    const block = workerThread<Functions, 'block'>(url, 'block', { threads: 1 })
    const append = workerThread<Functions, 'append'>(url, 'append')
    const gate = newGate()
    const log = new Int32Array(new SharedArrayBuffer(12))
    const tasks = new BackgroundTasks([], { ...quiet, concurrency: Infinity, failure: 'continue' })
    const blocked = tasks.addTask(block, gate.shared)
    const forgotten = tasks.addTask(append, log, 1)
    tasks.addTask(append, log, 2)
    const run = rejection(tasks.run())
    await gate.entered()
    forgotten.cancel()
    blocked.cancel()
    await run
    expect((await tasks.finished).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect([...log]).toEqual([1, 2, 0])
  })
})

describe('workerThread() and errors', { timeout: 30_000 }, () => {
  it('keeps message, name, stack, cause and further properties', async () => {
    const fail = workerThread<Functions, 'fail'>(newModule(), 'fail')
    const error = await rejection(fail())
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'TooLargeError',
      message: 'too large',
      stack: expect.stringMatching(/too large\n.*fail.*thread-functions\.ts/),
      code: 'E_TOO_LARGE',
      retry: '[object Function]',
      cause: {
        message: 'the middle',
        stack: expect.stringContaining('thread-functions.ts'),
        cause: { name: 'TypeError', message: 'the root' },
      },
    })
  })

  it("keeps the class of one of the language's errors", async () => {
    const failNatively = workerThread<Functions, 'failNatively'>(newModule(), 'failNatively')
    expect(await rejection(failNatively())).toBeInstanceOf(TypeError)
    const failTogether = workerThread<Functions, 'failTogether'>(newModule(), 'failTogether')
    const error = await rejection(failTogether())
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({ errors: [{ message: 'one' }, { message: 'two' }] })
  })

  it('keeps the class of a SuppressedError, and both of its errors', async () => {
    const failTwice = workerThread<Functions, 'failTwice'>(newModule(), 'failTwice')
    const error = await rejection(failTwice())
    expect(error).toBeInstanceOf(SuppressedError)
    expect(error).toMatchObject({
      message: 'both',
      error: { name: 'RangeError', message: 'second' },
      suppressed: { name: 'TypeError', message: 'first' },
    })
  })

  it('is reported as the cause of the failure', async () => {
    const failNatively = workerThread<Functions, 'failNatively'>(newModule(), 'failNatively')
    const onError = vi.fn<(error: Error) => void>()
    const tasks = new BackgroundTasks([], { onError })
    tasks.addTask(failNatively)
    await rejection(tasks.run())
    expect(onError).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        task: 'failNatively',
        cause: expect.objectContaining({ name: 'TypeError', message: 'not a number' }),
      }),
    )
  })

  it('ends a circle of causes', async () => {
    const failInACircle = workerThread<Functions, 'failInACircle'>(newModule(), 'failInACircle')
    expect(await rejection(failInACircle())).toMatchObject({ cause: { message: 'round' } })
  })

  it.each([undefined, null, 'a string', 0, { status: 404 }])(
    'passes on a thrown %j',
    async (thrown) => {
      const failWith = workerThread<Functions, 'failWith'>(new URL('?thrown', file), 'failWith')
      expect(await rejection(failWith(thrown))).toEqual(thrown)
    },
  )

  it('says which argument cannot be cloned, and starts no thread', async () => {
    const ignore = workerThread<Functions, 'ignore'>(newModule(), 'ignore')
    const tasks = new BackgroundTasks([], quiet)
    tasks.addTask(ignore, 1, () => {})
    await rejection(tasks.run())
    expect((await tasks.finished)[0]?.error).toEqual(
      new TypeError(
        'Cannot run ignore on another thread: argument 2 cannot be cloned, pass plain data',
      ),
    )
    expect(workers).toHaveLength(0)
  })

  it('says that the arguments cannot be cloned when each of them can', async () => {
    const ignore = workerThread<Functions, 'ignore'>(newModule(), 'ignore')
    const read = vi.fn<() => number>().mockReturnValue(1)
    read.mockImplementationOnce(() => {
      throw new Error('not yet')
    })
    const argument = Object.defineProperty({}, 'value', { get: read, enumerable: true })
    await expect(ignore(argument)).rejects.toThrow(
      new TypeError(
        'Cannot run ignore on another thread: its arguments cannot be cloned, pass plain data',
      ),
    )
  })

  it('says that a result cannot be cloned, and keeps the thread', async () => {
    const url = newModule()
    const returnFunction = workerThread<Functions, 'returnFunction'>(url, 'returnFunction')
    await expect(returnFunction()).rejects.toThrow(
      new TypeError(
        'Cannot run returnFunction on another thread: its result cannot be cloned, return plain data',
      ),
    )
    await workerThread<Functions, 'threadIdAgain'>(url, 'threadIdAgain')()
    expect(workers).toHaveLength(1)
  })

  it.each(['absent', 'notAFunction'])(
    'says that the module exports no function %s',
    async (name) => {
      const url = newModule()
      const absent = workerThread<Record<string, () => void>, string>(url, name)
      await expect(absent()).rejects.toThrow(
        new TypeError(
          `Cannot run ${name} on another thread: ${url} exports no such function, export it there`,
        ),
      )
    },
  )

  it('says that the module cannot be loaded, and why', async () => {
    const url = new URL('absent.ts', import.meta.url)
    const absent = workerThread<Functions, 'add'>(url, 'add')
    const error = await rejection(absent(1, 2))
    expect(error).toMatchObject({
      message: `Cannot run add on another thread: ${url} cannot be loaded, check the URL and the cause`,
      cause: { code: 'ERR_MODULE_NOT_FOUND' },
    })
  })

  it('rejects when the function ends its thread, and starts another', async () => {
    const url = newModule()
    const endProcess = workerThread<Functions, 'endProcess'>(url, 'endProcess', { threads: 1 })
    const add = workerThread<Functions, 'add'>(url, 'add')
    const ended = endProcess()
    const added = add(1, 2)
    await expect(ended).rejects.toThrow('worker exited with code: 3')
    expect(await added).toBe(3)
  })

  it('reports an error that a call has left behind, and starts another thread', async () => {
    const printed = vi.spyOn(console, 'error').mockReturnValue()
    const url = newModule()
    const leave = workerThread<Functions, 'leaveErrorBehind'>(url, 'leaveErrorBehind')
    await leave()
    await threadsEnded()
    expect(printed).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        message: `A thread of ${url} has ended after its call, see the cause`,
        cause: expect.objectContaining({ message: 'too late' }),
      }),
    )
    printed.mockRestore()
    expect(await workerThread<Functions, 'add'>(url, 'add')(1, 2)).toBe(3)
  })

  it.each([
    ['exceeds its memory', 20],
    ['cannot start in its memory', 4],
  ])('rejects when a thread %s', async (_, maxOldGenerationSizeMb) => {
    const options = { threads: 1, resourceLimits: { maxOldGenerationSizeMb } }
    const fillMemory = workerThread<Functions, 'fillMemory'>(newModule(), 'fillMemory', options)
    const errors = await Promise.all([rejection(fillMemory()), rejection(fillMemory())])
    expect(errors).toMatchObject([
      { code: 'ERR_WORKER_OUT_OF_MEMORY' },
      { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    ])
  })

  it('refuses what is not a URL', () => {
    const make: (...args: never[]) => unknown = workerThread
    expect(() => Reflect.apply(make, undefined, ['./resize.js', 'resize'])).toThrow(
      new TypeError(
        "Cannot make a worker thread: the module is a string, pass new URL('./module.js', import.meta.url)",
      ),
    )
  })

  it.each([
    [undefined, 'undefined'],
    [5, 'a number'],
    ['', 'empty'],
  ])('refuses the name %j', (name, wrong) => {
    const make: (...args: never[]) => unknown = workerThread
    expect(() => Reflect.apply(make, undefined, [newModule(), name])).toThrow(
      new TypeError(
        `Cannot make a worker thread: the name of the function is ${wrong}, pass that of an export of the module`,
      ),
    )
  })

  it('refuses resource limits that are no object', () => {
    const options: object = { resourceLimits: 5 }
    expect(() => workerThread<Functions, 'add'>(newModule(), 'add', options)).toThrow(
      new TypeError(
        'Cannot make a worker thread: resourceLimits is a number, pass an object, as to a Worker of Node.js',
      ),
    )
  })

  it.each([0, 1.5, Number.NaN, -1])('refuses %d threads', (threads) => {
    expect(() => workerThread<Functions, 'add'>(newModule(), 'add', { threads })).toThrow(
      new RangeError(
        'Cannot make a worker thread: threads is not a whole number above 0, pass how many may run at once',
      ),
    )
  })

  it('refuses an idle timeout of 0', () => {
    expect(() => workerThread<Functions, 'add'>(newModule(), 'add', { idleTimeout: 0 })).toThrow(
      RangeError,
    )
  })

  it('refuses options that are null', () => {
    const none = null as unknown as WorkerThreadOptions
    expect(() => workerThread<Functions, 'add'>(newModule(), 'add', none)).toThrow(
      new TypeError('Cannot make a worker thread: the options are null, pass an object'),
    )
  })

  it('refuses other options for the threads that a module has', () => {
    const url = newModule()
    const make = (options?: WorkerThreadOptions): unknown =>
      workerThread<Functions, 'add'>(url, 'add', options)
    make({ threads: 1, resourceLimits: { stackSizeMb: 4, maxYoungGenerationSizeMb: 64 } })
    make({ resourceLimits: { maxYoungGenerationSizeMb: 64, stackSizeMb: 4 }, threads: 1 })
    make()
    for (const other of [{ threads: 2 }, { threads: 1 }, { idleTimeout: Infinity }]) {
      expect(() => make(other)).toThrow(
        new TypeError(
          `Cannot make a worker thread: ${url} has threads with other options, pass the same ones`,
        ),
      )
    }
  })
})

describe('workerThread() and the process', { timeout: 30_000 }, () => {
  it('ends a thread that has no work', async () => {
    const add = workerThread<Functions, 'add'>(newModule(), 'add', { idleTimeout: 1 })
    await add(1, 2)
    await threadsEnded()
    expect(await add(3, 4)).toBe(7)
    expect(workers).toHaveLength(2)
  })

  it.each([['node'], ['bun'], ['deno', 'run', '-A', '--no-check']])(
    'works on %s, and keeps the process alive for a call but not after it',
    async (runtime, ...args) => {
      const script = fileURLToPath(new URL('support/thread-script.ts', import.meta.url))
      const { stdout } = await promisify(execFile)(runtime, [...args, script])
      expect(stdout.trim().split('\n')).toEqual([
        'TooLargeError E_TOO_LARGE TypeError',
        // Bun gives no stack to a DOMException.
        'TimeoutError string',
        process.platform === 'linux' ? '10' : '0',
        'Cannot run ignore on another thread: argument 1 cannot be cloned, pass plain data',
        'Cannot run returnFunction on another thread: its result cannot be cloned, return plain data',
        'Error: not needed any more',
        '3',
      ])
    },
  )
})

describe('docs/examples/worker-threads/handler.ts', { timeout: 30_000 }, () => {
  it('answers, and has its report written on another thread', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'worker-threads-test-'))
    const path = join(folder, 'report.csv')
    const orders = ['ada', 'bob', 'ada'].map((customer) => ({ customer, amount: 2 }))
    const body = JSON.stringify({ path, orders })
    const response = await POST(new Request('http://localhost/', { method: 'POST', body }))
    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({ path })
    await drain()
    expect(await readFile(path, 'utf8')).toBe('ada,4\nbob,2')
    expect(workers).toHaveLength(1)
    await rm(folder, { recursive: true })
  })
})
