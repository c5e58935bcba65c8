import { AsyncLocalStorage } from 'node:async_hooks'
import pLimit from 'p-limit'
import PQueue from 'p-queue'
import PQueue8 from 'p-queue-8'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  type BackgroundTaskError,
  BackgroundTasks,
  type BackgroundTasksOptions,
  drain,
  instrument,
  withBackgroundTasks,
} from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { takePrinted, watchReports } from './support/reports.ts'
import { newThenable } from './support/thenable.ts'
import { turn } from './support/turn.ts'

watchReports()

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

type Limit = NonNullable<BackgroundTasksOptions['limit']>
type Run = Parameters<Limit>[0]

/** A limiter in the hands of the test: what waits there runs when the test says so. */
function newLimiter(): { limit: Limit; asked: Run[]; release: (index: number) => Promise<void> } {
  const asked: Run[] = []
  return {
    asked,
    limit: (run) => asked.push(run),
    release(index) {
      const run = asked[index]
      if (run === undefined) throw new Error(`Nobody waits at ${index}`)
      return run()
    },
  }
}

/** One at a time, and no more than that: the next run is called where the one before has ended. */
function newPlainQueue(): Limit {
  const waiting: Run[] = []
  let isBusy = false
  const work = async (): Promise<void> => {
    isBusy = true
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) await run()
    isBusy = false
  }
  return (run) => {
    waiting.push(run)
    if (!isBusy) void work()
  }
}

/** Tasks that note their names. */
function newNotes(): { calls: string[]; task: (name: string) => BackgroundTask } {
  const calls: string[] = []
  return { calls, task: (name) => new BackgroundTask({ name, run: () => calls.push(name) }) }
}

const quiet = { onError: (): void => {} }
const full = new Error('the queue is full')

describe('limit', () => {
  it.each<[unknown, string]>([
    [3, 'a number'],
    [null, 'null'],
    [new PQueue(), 'an object'],
  ])('refuses %s', (limit, kind) => {
    const options = { limit } as BackgroundTasksOptions
    const message = `Cannot create the list: limit is ${kind}, pass a function`
    expect(misuse(() => new BackgroundTasks([], options))).toBe(message)
    expect(misuse(() => withBackgroundTasks(() => {}, options))).toBe(message)
    expect(misuse(() => provideBackgroundTasks(() => {}, options))).toBe(message)
  })

  it('is asked once for each task, when its turn has come, with run alone', async () => {
    const { calls, task } = newNotes()
    const limit = vi.fn<Limit>((run) => {
      calls.push('limit')
      return run()
    })
    const tasks = new BackgroundTasks([task('first'), task('second')], { limit })
    const response = tasks.wrap(new Response('body'))
    await turn()
    expect(limit).not.toHaveBeenCalled()
    await response.text()
    await tasks.finished
    expect(calls).toEqual(['limit', 'first', 'limit', 'second'])
    expect(limit.mock.calls).toEqual([[expect.any(Function)], [expect.any(Function)]])
  })

  it('holds the place of its task in the list, which stays in order', async () => {
    const { calls, task } = newNotes()
    const { limit, asked, release } = newLimiter()
    const tasks = new BackgroundTasks([task('first'), task('second')], { limit })
    const running = tasks.run()
    await turn()
    expect(asked).toHaveLength(1)
    await release(0)
    await turn()
    expect([asked.length, calls]).toEqual([2, ['first']])
    await release(1)
    await running
    expect(calls).toEqual(['first', 'second'])
  })

  it('is asked after when has said yes, and not when that says no', async () => {
    const calls: string[] = []
    const limit: Limit = (run) => {
      calls.push('limit')
      return run()
    }
    const tasks = new BackgroundTasks([], { limit })
    for (const answer of [true, false]) {
      tasks.addTask({
        when() {
          calls.push(`when: ${answer}`)
          return answer
        },
        run: () => calls.push('task'),
      })
    }
    tasks.addTask({ when: ['errored'], run: () => calls.push('another outcome') })
    await tasks.run()
    expect(calls).toEqual(['when: true', 'limit', 'task', 'when: false'])
  })

  it('is not asked for a task that was cancelled, or is skipped after a failure', async () => {
    const { task } = newNotes()
    const limit = vi.fn<Limit>((run) => run())
    const cancelled = task('cancelled')
    const failing = new BackgroundTask(() => Promise.reject(new Error('bug')))
    const tasks = new BackgroundTasks([cancelled, failing, task('next')], { ...quiet, limit })
    cancelled.cancel()
    await tasks.run().catch(() => {})
    expect(limit).toHaveBeenCalledOnce()
  })

  it('is not asked for a list, nor for a cleanup', async () => {
    const { calls, task } = newNotes()
    const limit = vi.fn<Limit>((run) => run())
    const nested = new BackgroundTasks([task('nested')])
    nested.defer(() => calls.push('inner cleanup'))
    const tasks = new BackgroundTasks([nested, new BackgroundTasks()], { limit })
    tasks.defer(() => calls.push('cleanup'))
    await tasks.run()
    expect(calls).toEqual(['nested', 'inner cleanup', 'cleanup'])
    expect(limit).toHaveBeenCalledOnce()
  })

  it('is asked once for a task that is in the list twice', async () => {
    const { calls, task } = newNotes()
    const limit = vi.fn<Limit>((run) => run())
    const twice = task('twice')
    await new BackgroundTasks([twice, new BackgroundTasks([twice]), twice], { limit }).run()
    expect(calls).toEqual(['twice'])
    expect(limit).toHaveBeenCalledOnce()
  })

  it('is asked for a task that is added while the list runs, and after its end', async () => {
    const { calls, task } = newNotes()
    const limit = vi.fn<Limit>((run) => run())
    const tasks = new BackgroundTasks([], { limit })
    tasks.addTask(() => void tasks.addTask(task('while')))
    await tasks.run()
    const late = tasks.addTask(task('after'))
    await late.finished
    expect(calls).toEqual(['while', 'after'])
    expect(limit).toHaveBeenCalledTimes(3)
  })

  it('lets a list with a limit that runs at once be as it is without one', async () => {
    const { calls, task } = newNotes()
    const tasks = new BackgroundTasks([task('sync')], { limit: (run) => run() })
    tasks.addTask(async () => {
      await turn()
      calls.push('async')
    })
    tasks.addTask(task('last'))
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toMatchObject([
      { status: 'fulfilled' },
      { status: 'fulfilled' },
      { status: 'fulfilled' },
    ])
    expect(calls).toEqual(['sync', 'async', 'last'])
  })

  it('does not keep a list waiting whose task has ended, whatever it returns', async () => {
    const { calls, task } = newNotes()
    const never = new Promise(() => {})
    const limit: Limit = (run) => {
      void run()
      return never
    }
    await new BackgroundTasks([task('first'), task('second')], { limit }).run()
    expect(calls).toEqual(['first', 'second'])
  })
})

describe('A task that waits for its limit', () => {
  it('stays pending until run is called', async () => {
    const gate = newGate()
    const { limit, release } = newLimiter()
    const task = new BackgroundTask(() => gate.opened)
    const tasks = new BackgroundTasks([task], { limit })
    const running = tasks.run()
    await turn()
    expect(task.status).toBe('pending')
    void release(0)
    await turn()
    expect(task.status).toBe('running')
    gate.open()
    await running
  })

  it('has neither its timeout nor its duration begin', async () => {
    const { limit, release } = newLimiter()
    const tasks = new BackgroundTasks([], { ...quiet, limit, timeout: 50, concurrency: 2 })
    const slow = tasks.addTask(() => new Promise((resolve) => setTimeout(resolve, 10)))
    const stuck = tasks.addTask(() => new Promise(() => {}))
    void tasks.run()
    await turn()
    await vi.advanceTimersByTimeAsync(1000)
    void release(0)
    await turn()
    await vi.advanceTimersByTimeAsync(10)
    expect(await slow.finished).toMatchObject({ status: 'fulfilled', duration: 10 })

    void release(1)
    await turn()
    await vi.advanceTimersByTimeAsync(49)
    expect(stuck.status).toBe('running')
    await vi.advanceTimersByTimeAsync(1)
    expect(await stuck.finished).toMatchObject({
      status: 'rejected',
      duration: 50,
      error: { name: 'TimeoutError' },
    })
    await tasks.finished
  })

  it('has no instrument around it yet', async () => {
    const { limit, release } = newLimiter()
    const around = vi.fn<Parameters<typeof instrument>[0]>((_, run) => run())
    onTestFinished(instrument(around))
    const tasks = new BackgroundTasks([new BackgroundTask(() => {})], { limit })
    const running = tasks.run()
    await turn()
    // An instrument would have been reported after a second.
    await vi.advanceTimersByTimeAsync(2000)
    expect(around).not.toHaveBeenCalled()
    await release(0)
    await running
    expect(around).toHaveBeenCalledOnce()
  })

  it('is skipped when it is cancelled, and the list goes on', async () => {
    const { calls, task } = newNotes()
    const { limit, release } = newLimiter()
    const [first, second] = [task('first'), task('second')]
    const tasks = new BackgroundTasks([first, second], { limit })
    const running = tasks.run()
    await turn()
    first.cancel('no longer needed')
    expect(await first.finished).toMatchObject({
      status: 'skipped',
      duration: 0,
      error: 'no longer needed',
    })
    await turn()
    void release(1)
    await running
    expect(await release(0)).toBeUndefined()
    expect(calls).toEqual(['second'])
  })

  it('is abandoned by drain, and does not run after that', async () => {
    const { calls, task } = newNotes()
    const { limit, release } = newLimiter()
    const waiting = task('waiting')
    const tasks = new BackgroundTasks([waiting], { limit })
    await tasks.wrap(new Response('body')).text()
    await turn()
    const draining = drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    expect(await draining).toEqual({ finished: 0, abandoned: [waiting] })
    expect(await waiting.finished).toMatchObject({ status: 'skipped' })
    await release(0)
    expect(calls).toEqual([])
  })

  it('is waited for by drain', async () => {
    const { task } = newNotes()
    const { limit, release } = newLimiter()
    await new BackgroundTasks([task('waiting')], { limit }).wrap(new Response('body')).text()
    await turn()
    const drained = vi.fn<() => void>()
    const draining = drain().then(drained)
    await turn()
    expect(drained).not.toHaveBeenCalled()
    void release(0)
    await draining
  })

  it('is skipped when another one fails under stop, and named', async () => {
    const { calls, task } = newNotes()
    const { limit, release } = newLimiter()
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], {
      limit,
      concurrency: 2,
      onError: (error) => void errors.push(error),
    })
    tasks.addTask(function failing() {
      throw new Error('bug')
    })
    const waiting = tasks.addTask(task('waiting'))
    const running = tasks.run().catch(() => {})
    await turn()
    await release(0)
    await running
    expect(errors).toMatchObject([{ task: 'failing', skipped: ['waiting'] }])
    expect(waiting.status).toBe('skipped')
    await release(1)
    expect(calls).toEqual([])
  })

  it('runs once, though it is run by hand meanwhile', async () => {
    const { calls, task } = newNotes()
    const { limit, release } = newLimiter()
    const waiting = task('waiting')
    const running = new BackgroundTasks([waiting], { limit }).run()
    await turn()
    const byHand = waiting.run()
    await turn()
    await Promise.all([release(0), byHand, running])
    expect(calls).toEqual(['waiting'])
  })
})

describe('The run given to a limit', () => {
  it('returns the same promise each time, and runs the task once', async () => {
    const called = vi.fn<() => void>()
    const { limit, asked } = newLimiter()
    const running = new BackgroundTasks([new BackgroundTask(called)], { limit }).run()
    await turn()
    const promise = asked[0]?.()
    expect(promise).toBeInstanceOf(Promise)
    expect(asked[0]?.()).toBe(promise)
    await running
    expect(asked[0]?.()).toBe(promise)
    expect(called).toHaveBeenCalledOnce()
  })

  it.each<[string, () => unknown]>([
    ['returns', () => 'value'],
    ['is fulfilled', async () => 'value'],
    [
      'throws',
      () => {
        throw new Error('bug')
      },
    ],
    ['is rejected', () => Promise.reject(new Error('bug'))],
  ])('fulfils with nothing when the task has ended: one that %s', async (_, fn) => {
    const { limit, release } = newLimiter()
    const task = new BackgroundTask(async () => {
      await turn()
      return fn()
    })
    const tasks = new BackgroundTasks([task], { ...quiet, limit })
    void tasks.run()
    await turn()
    expect(await release(0)).toBeUndefined()
    expect(task.status).toMatch(/^(fulfilled|rejected)$/)
    await tasks.finished
  })

  it.each<[string, (task: BackgroundTask) => unknown]>([
    ['at its timeout', () => vi.advanceTimersByTimeAsync(10)],
    ['by cancel', (task) => task.cancel()],
  ])('fulfils when the task is given up on %s, and does not wait for it', async (_, giveUp) => {
    const { limit, release } = newLimiter()
    const task = new BackgroundTask({ run: () => new Promise(() => {}), timeout: 10 })
    const tasks = new BackgroundTasks([task], { ...quiet, limit })
    void tasks.run()
    await turn()
    const released = release(0)
    await turn()
    await giveUp(task)
    expect(await released).toBeUndefined()
    await tasks.finished
  })
})

describe('A limit that does not run the task', () => {
  const failing: [string, Limit, unknown][] = [
    [
      'throws',
      () => {
        throw full
      },
      full,
    ],
    ['rejects', () => Promise.reject(full), full],
    ['rejects later', () => turn().then(() => Promise.reject(full)), full],
    ['fulfils', () => Promise.resolve(), expect.any(Error)],
    ['fulfils later', () => turn(), expect.any(Error)],
    ['is a thenable that fulfils', () => newThenable((resolve) => resolve(1)), expect.any(Error)],
  ]

  it.each(failing)('rejects it, and stops the list: one that %s', async (_, limit, cause) => {
    const called = vi.fn<() => void>()
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([], { limit, onError })
    const sending = tasks.addTask({ name: 'send', run: called })
    tasks.addTask({ name: 'next', run: called })
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toMatchObject([
      { name: 'send', status: 'rejected', outcome: 'closed', error: cause },
      { name: 'next', status: 'skipped', error: cause },
    ])
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.lastCall?.[0]).toMatchObject({ task: 'send', skipped: ['next'], cause })
    expect(sending.status).toBe('rejected')
    expect(called).not.toHaveBeenCalled()
  })

  it('is told what it has to do when it has not failed by itself', async () => {
    const tasks = new BackgroundTasks([], { ...quiet, limit: async () => {} })
    const { finished } = tasks.addTask({ name: 'send', run: () => {} })
    await tasks.run().catch(() => {})
    const { error } = await finished
    expect(
      misuse(() => {
        throw error
      }, Error),
    ).toMatch(/^Cannot run .*limit.*run/)
  })

  it('lets the next task ask it again under continue', async () => {
    const { calls, task } = newNotes()
    let count = 0
    const limit: Limit = (run) => {
      count += 1
      return count === 1 ? Promise.reject(full) : run()
    }
    const tasks = new BackgroundTasks([task('first'), task('second')], {
      ...quiet,
      limit,
      failure: 'continue',
    })
    await tasks.run().catch(() => {})
    expect(calls).toEqual(['second'])
  })

  it('rejects run() of the list', async () => {
    const tasks = new BackgroundTasks([new BackgroundTask(function send() {})], {
      ...quiet,
      limit: () => Promise.reject(full),
    })
    await expect(tasks.run()).rejects.toMatchObject({ task: 'send', cause: full })
  })

  it('cannot run it after that', async () => {
    const { calls, task } = newNotes()
    const { limit, release } = newLimiter()
    const tasks = new BackgroundTasks([task('rejected')], {
      ...quiet,
      limit(run) {
        limit(run)
        throw full
      },
    })
    await tasks.run().catch(() => {})
    expect(await release(0)).toBeUndefined()
    expect(calls).toEqual([])
  })

  it('does not keep the cleanups from running', async () => {
    const { calls, task } = newNotes()
    const nested = new BackgroundTasks([task('nested')])
    nested.defer(() => calls.push('inner cleanup'))
    const tasks = new BackgroundTasks([nested], { ...quiet, limit: () => Promise.reject(full) })
    tasks.defer(() => calls.push('cleanup'))
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    expect(calls).toEqual(['inner cleanup', 'cleanup'])
  })

  it('has no instrument called', async () => {
    const around = vi.fn<Parameters<typeof instrument>[0]>((_, run) => run())
    onTestFinished(instrument(around))
    const tasks = new BackgroundTasks([new BackgroundTask(() => {})], {
      ...quiet,
      limit: () => Promise.reject(full),
    })
    await tasks.run().catch(() => {})
    expect(around).not.toHaveBeenCalled()
  })
})

describe('A limit that fails when it has called run', () => {
  it.each<[string, Limit]>([
    [
      'throws',
      (run) => {
        void run()
        throw full
      },
    ],
    [
      'rejects',
      (run) => {
        void run()
        return Promise.reject(full)
      },
    ],
    ['rejects after the task', (run) => run().then(() => Promise.reject(full))],
  ])('does not change how the task ends: one that %s', async (_, limit) => {
    const gate = newGate()
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([], { limit, onError })
    tasks.addTask(() => gate.opened)
    tasks.addTask(() => {})
    await tasks.wrap(new Response('body')).text()
    await turn()
    gate.open()
    expect(await tasks.finished).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
    await turn()
    expect(onError).not.toHaveBeenCalled()
    // A bug of the limiter may be printed; it may not end the process.
    takePrinted()
  })
})

describe('A list in a list', () => {
  it('finishes under a limiter of one, at any depth', async () => {
    const { calls, task } = newNotes()
    const limit = pLimit(1)
    const deepest = new BackgroundTasks([task('2'), task('3')])
    const nested = new BackgroundTasks([task('1'), deepest, task('4')], { limit })
    const tasks = new BackgroundTasks([nested, task('5')], { limit })
    await tasks.run()
    expect(calls).toEqual(['1', '2', '3', '4', '5'])
  })

  it('uses its own limit, else that of the list around it, and never both', async () => {
    const { task } = newNotes()
    const [outer, inner] = [vi.fn<Limit>((run) => run()), vi.fn<Limit>((run) => run())]
    const own = new BackgroundTasks([task('own 1'), new BackgroundTasks([task('own 2')])], {
      limit: inner,
    })
    const without = new BackgroundTasks([new BackgroundTasks([task('without')])])
    await new BackgroundTasks([own, without, task('last')], { limit: outer }).run()
    expect([outer.mock.calls.length, inner.mock.calls.length]).toEqual([2, 2])
  })

  it.each<[string, BackgroundTasksOptions, number[]]>([
    ['its own limit', { limit: (run) => run() }, [1, 1]],
    ['that of the request', {}, [2, 0]],
  ])('uses %s where it joins the list of the request', async (_, { limit }, counts) => {
    const { calls, task } = newNotes()
    const outer = vi.fn<Limit>((run) => run())
    const inner = vi.fn<Limit>((run) => limit?.(run))
    const options = limit === undefined ? {} : { limit: inner }
    const fetch = provideBackgroundTasks(
      () => {
        backgroundTasks().addTask(task('of the request'))
        return new BackgroundTasks([task('joined')], options).wrap(new Response('body'))
      },
      { limit: outer },
    )
    await fetch().text()
    await drain()
    expect(calls).toEqual(['of the request', 'joined'])
    expect([outer.mock.calls.length, inner.mock.calls.length]).toEqual(counts)
  })
})

describe('The async context of a task with a limit', () => {
  const storage = new AsyncLocalStorage<string>()

  it("is its own, though a plain queue calls its run where another request's has ended", async () => {
    const seen: unknown[] = []
    const limit = newPlainQueue()
    const gate = newGate()
    const errors: unknown[] = []
    const wrap = (name: string, work: () => unknown): Promise<string> =>
      storage.run(name, () => {
        const tasks = new BackgroundTasks([], {
          limit,
          onError: () => errors.push(storage.getStore()),
        })
        tasks.addTask(async () => {
          seen.push(storage.getStore())
          await work()
          seen.push(storage.getStore())
        })
        tasks.defer(() => seen.push(`cleanup of ${storage.getStore()}`))
        return tasks.wrap(new Response(name)).text()
      })
    await wrap('A', () => gate.opened)
    await turn()
    await wrap('B', () => Promise.reject(new Error('bug')))
    await turn()
    expect(seen).toEqual(['A'])
    gate.open()
    await drain()
    expect(seen).toEqual(['A', 'A', 'cleanup of A', 'B', 'cleanup of B'])
    expect(errors).toEqual(['B'])
  })

  it('is its own in the instruments too', async () => {
    const seen: unknown[] = []
    onTestFinished(
      instrument(async ({ name }, run) => {
        seen.push([name, storage.getStore()])
        await run()
      }),
    )
    const { limit, release } = newLimiter()
    for (const name of ['A', 'B']) {
      const task = new BackgroundTask({ name, run: () => {} })
      void storage.run(name, () => new BackgroundTasks([task], { limit }).run())
    }
    await turn()
    await storage.run('of the limiter', () => Promise.all([release(1), release(0)]))
    expect(seen).toEqual([
      ['B', 'B'],
      ['A', 'A'],
    ])
  })

  it('gives it the list of its request', async () => {
    const limit = newPlainQueue()
    const lists = new Map<string, BackgroundTasks[]>()
    const gate = newGate()
    const fetch = provideBackgroundTasks(
      (name: string) => {
        const seen = [backgroundTasks()]
        lists.set(name, seen)
        backgroundTasks().addTask(async () => {
          await gate.opened
          seen.push(backgroundTasks())
        })
        return new Response('body')
      },
      { limit },
    )
    await Promise.all([fetch('A').text(), fetch('B').text()])
    await turn()
    gate.open()
    await drain()
    for (const seen of lists.values()) {
      expect(seen).toHaveLength(2)
      expect(seen[0]).toBe(seen[1])
    }
    expect(lists.get('A')?.[0]).not.toBe(lists.get('B')?.[0])
  })
})

const limiters: [string, (concurrency: number) => Limit][] = [
  ['p-limit', (concurrency) => pLimit(concurrency)],
  [
    'p-queue 8',
    (concurrency) => {
      const queue = new PQueue8({ concurrency })
      return (run) => queue.add(run)
    },
  ],
  [
    'p-queue 9',
    (concurrency) => {
      const queue = new PQueue({ concurrency })
      return (run) => queue.add(run)
    },
  ],
]

describe.each(limiters)('%s', (_, create) => {
  it('bounds the tasks of all lists that share it', async () => {
    const limit = create(2)
    const started: string[] = []
    const gates = new Map<string, () => void>()
    const lists = ['A', 'B'].map((request) => {
      const tasks = new BackgroundTasks([], { limit, concurrency: Infinity })
      for (const index of [1, 2, 3]) {
        const name = `${request}${index}`
        const gate = newGate()
        gates.set(name, gate.open)
        tasks.addTask(() => {
          started.push(name)
          return gate.opened
        })
      }
      return tasks
    })
    await Promise.all(lists.map((tasks) => tasks.wrap(new Response('body')).text()))
    const ended = new Set<string>()
    for (let count = 2; count <= 6; count += 1) {
      await turn()
      expect(started).toHaveLength(count)
      const next = started.find((name) => !ended.has(name)) ?? ''
      ended.add(next)
      gates.get(next)?.()
    }
    for (const open of gates.values()) open()
    const results = await Promise.all(lists.map((tasks) => tasks.finished))
    expect(results.flat().map(({ status }) => status)).toEqual(Array(6).fill('fulfilled'))
    expect(new Set(started).size).toBe(6)
  })

  it('goes on after a task that fails, and one that is given up on', async () => {
    const limit = create(1)
    const { calls, task } = newNotes()
    const failing = new BackgroundTask(() => Promise.reject(new Error('bug')))
    const lists = [
      new BackgroundTasks([failing], { ...quiet, limit }),
      new BackgroundTasks([new BackgroundTask(() => new Promise(() => {}))], {
        ...quiet,
        limit,
        timeout: 10,
      }),
      new BackgroundTasks([task('last')], { limit }),
    ]
    for (const tasks of lists) void tasks.wrap(new Response(null))
    await turn()
    expect(calls).toEqual([])
    await vi.advanceTimersByTimeAsync(10)
    await Promise.all(lists.map((tasks) => tasks.finished))
    expect(calls).toEqual(['last'])
  })

  it('passes over a task that was cancelled while it waited', async () => {
    const limit = create(1)
    const gate = newGate()
    const { calls, task } = newNotes()
    const cancelled = task('cancelled')
    const lists = [
      new BackgroundTasks([new BackgroundTask(() => gate.opened)], { limit }),
      new BackgroundTasks([cancelled], { limit }),
      new BackgroundTasks([task('last')], { limit }),
    ]
    for (const tasks of lists) void tasks.wrap(new Response(null))
    await turn()
    cancelled.cancel()
    gate.open()
    await Promise.all(lists.map((tasks) => tasks.finished))
    expect(calls).toEqual(['last'])
  })
})

describe('concurrency and limit together', () => {
  it('bound each list by its concurrency, and all of them by the limit', async () => {
    const running = new Map<string, number>()
    const most = new Map<string, number>()
    const count = (name: string, change: number): void => {
      const now = (running.get(name) ?? 0) + change
      running.set(name, now)
      most.set(name, Math.max(now, most.get(name) ?? 0))
    }
    const limit = pLimit(3)
    const lists = ['A', 'B'].map((name) => {
      const tasks = new BackgroundTasks([], { limit, concurrency: 2 })
      for (let index = 0; index < 6; index += 1) {
        tasks.addTask(async () => {
          count(name, 1)
          count('all', 1)
          await turn()
          count(name, -1)
          count('all', -1)
        })
      }
      return tasks
    })
    await Promise.all(lists.map((tasks) => tasks.run()))
    expect(Object.fromEntries(most)).toEqual({ A: 2, B: 2, all: 3 })
    expect(limit.pendingCount + limit.activeCount).toBe(0)
  })

  it('ask the limit for no more than the list may run', async () => {
    const { limit, asked, release } = newLimiter()
    const { task } = newNotes()
    const names = ['1', '2', '3']
    const tasks = new BackgroundTasks(names.map(task), { limit, concurrency: 2 })
    const running = tasks.run()
    await turn()
    expect(asked).toHaveLength(2)
    void release(1)
    await turn()
    expect(asked).toHaveLength(3)
    await Promise.all([release(0), release(2), running])
  })
})

describe('A handler that asks its limiter', () => {
  it('answers 503 when too much waits there', async () => {
    const limit = pLimit(1)
    const gate = newGate()
    const handle = withBackgroundTasks(
      (tasks) => {
        if (limit.pendingCount >= 2) return new Response('too much to do', { status: 503 })
        tasks.addTask(() => gate.opened)
        return new Response('accepted', { status: 202 })
      },
      { limit },
    )
    const answer = async (): Promise<number> => {
      const response = handle()
      await response.text()
      await turn()
      return response.status
    }
    const statuses: number[] = []
    for (let request = 0; request < 4; request += 1) statuses.push(await answer())
    expect(statuses).toEqual([202, 202, 202, 503])
    gate.open()
    await drain()
    expect(await answer()).toBe(202)
    await drain()
  })
})
