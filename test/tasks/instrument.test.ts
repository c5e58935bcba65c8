import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { BackgroundTask, BackgroundTasks, instrument } from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'

watchReports()

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

type Around = Parameters<typeof instrument>[0]

/** An instrument until the end of the test. */
function instrumentTest(around: Around): () => void {
  const undo = instrument(around)
  onTestFinished(undo)
  return undo
}

const quiet = { onError: (): void => {} }

describe('instrument()', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [{}, 'an object'],
    [Promise.resolve(), 'a promise'],
  ])('refuses %s', (around, kind) => {
    expect(misuse(() => instrument(around as Around))).toBe(
      `Cannot instrument the tasks: it is ${kind}, pass a function (task, run)`,
    )
  })

  it('wraps every task that starts from now on, until it is undone', async () => {
    const names: string[] = []
    await new BackgroundTask(function before() {}).run()
    const undo = instrumentTest((task, run) => {
      names.push(task.name)
      return run()
    })
    const nested = new BackgroundTasks([new BackgroundTask(function nested() {})])
    const tasks = new BackgroundTasks([new BackgroundTask(function listed() {}), nested])
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    await new BackgroundTask(function byHand() {}).run()
    await new BackgroundTask(function alone() {}).wrap(new Response('body')).text()
    await turn()
    undo()
    undo()
    await new BackgroundTask(function after() {}).run()
    expect(names).toEqual(['listed', 'nested', 'byHand', 'alone'])
  })

  it('is given the task itself, while it runs', async () => {
    const seen: unknown[] = []
    instrumentTest(async (task, run) => {
      seen.push(task, task.status)
      await run()
      seen.push(task.status)
    })
    const task = new BackgroundTask(() => {})
    await task.run()
    await turn()
    expect(seen[0]).toBe(task)
    expect(seen[1]).toBe('running')
  })

  it('does not wrap a skipped task, nor a cleanup', async () => {
    const around = vi.fn<Around>((_, run) => run())
    instrumentTest(around)
    const tasks = new BackgroundTasks()
    tasks.addTask(() => {}).cancel()
    tasks.addTask({ run: () => {}, when: ['errored'] })
    tasks.defer(() => {})
    await tasks.run()
    expect(around).not.toHaveBeenCalled()
  })

  it('is registered once, however often', async () => {
    const around = vi.fn<Around>((_, run) => run())
    instrumentTest(around)
    instrumentTest(around)
    await new BackgroundTask(() => {}).run()
    expect(around).toHaveBeenCalledOnce()
  })

  it('is undone when each of its two registrations is, and an undo called twice counts once', async () => {
    const around = vi.fn<Around>((_, run) => run())
    const [first, second] = [instrumentTest(around), instrumentTest(around)]
    first()
    first()
    await new BackgroundTask(() => {}).run()
    expect(around).toHaveBeenCalledOnce()
    second()
    await new BackgroundTask(() => {}).run()
    expect(around).toHaveBeenCalledOnce()
    // It can be given again, and the old undos have nothing to undo.
    instrumentTest(around)
    first()
    second()
    await new BackgroundTask(() => {}).run()
    expect(around).toHaveBeenCalledTimes(2)
  })

  it('is around those that came after it', async () => {
    const calls: string[] = []
    for (const name of ['first', 'second', 'third']) {
      instrumentTest(async (_, run) => {
        calls.push(`${name} starts`)
        await run()
        calls.push(`${name} ends`)
      })
    }
    await new BackgroundTask(() => calls.push('task')).run()
    await turn()
    expect(calls).toEqual([
      'first starts',
      'second starts',
      'third starts',
      'task',
      'third ends',
      'second ends',
      'first ends',
    ])
  })

  it('may undo itself, and may register another, while a task runs', async () => {
    const calls: string[] = []
    const undo = instrumentTest(async (_, run) => {
      calls.push('first')
      undo()
      instrumentTest((_task, inner) => {
        calls.push('second')
        return inner()
      })
      await run()
    })
    await new BackgroundTask(() => calls.push('task')).run()
    await new BackgroundTask(() => calls.push('task')).run()
    expect(calls).toEqual(['first', 'task', 'second', 'task'])
  })

  it('may hold the task back for a while', async () => {
    const gate = newGate()
    instrumentTest(async (_, run) => {
      await gate.opened
      await run()
    })
    const called = vi.fn<() => void>()
    const running = new BackgroundTask(called).run()
    await turn()
    expect(called).not.toHaveBeenCalled()
    gate.open()
    await running
    expect(called).toHaveBeenCalledOnce()
    await vi.advanceTimersByTimeAsync(2000)
    expect(takePrinted()).toEqual([])
  })

  it('keeps no timer of a task that has started', async () => {
    const before = vi.getTimerCount()
    instrumentTest((_, run) => run())
    await new BackgroundTask(() => turn()).run()
    expect(vi.getTimerCount()).toBe(before)
  })
})

/** What `run()` comes to, of a task that does `fn`. */
async function outcomeOf(
  fn: () => unknown,
  meanwhile: (task: BackgroundTask) => unknown = () => {},
): Promise<unknown[]> {
  const seen: unknown[] = []
  instrumentTest(async (task, run) => {
    const running = run().then(
      (value) => seen.push('fulfilled', value),
      (error: unknown) => seen.push('rejected', error),
    )
    await meanwhile(task)
    await running
  })
  const task = new BackgroundTask(fn)
  await new BackgroundTasks([task], quiet).run().catch(() => {})
  await turn()
  return seen
}

describe('The run given to an instrument', () => {
  it.each<[string, () => unknown]>([
    ['sync', () => 'value'],
    ['async', async () => 'value'],
  ])('fulfils with nothing when the task does: %s', async (_, fn) => {
    expect(await outcomeOf(fn)).toEqual(['fulfilled', undefined])
  })

  const thrown = [new Error('bug'), Object.freeze(new Error('frozen')), 'text', undefined, NaN]
  it.each(thrown)('rejects with what the task throws: %s', async (error) => {
    expect(
      await outcomeOf(() => {
        throw error
      }),
    ).toEqual(['rejected', error])
  })

  it.each(thrown)('rejects with what the task rejects with: %s', async (error) => {
    expect(await outcomeOf(() => Promise.reject(error))).toEqual(['rejected', error])
  })

  it('rejects when the task is cancelled that never ends', async () => {
    const never = new Promise(() => {})
    const seen = await outcomeOf(
      () => never,
      (task) => task.cancel('enough'),
    )
    expect(seen).toEqual(['rejected', 'enough'])
  })

  it.each<[string, () => unknown]>([
    ['sync', () => {}],
    ['async', async () => {}],
  ])('rejects when the task cancels itself: %s', async (_, end) => {
    const seen: unknown[] = []
    instrumentTest(async (_task, run) => {
      await run().catch((error: unknown) => seen.push(error))
    })
    const task: BackgroundTask = new BackgroundTask(() => {
      task.cancel('enough')
      return end()
    })
    await new BackgroundTasks([task], quiet).run().catch(() => {})
    await turn()
    expect(seen).toEqual(['enough'])
  })

  it('fulfils when the task is cancelled that has ended', async () => {
    const seen = await outcomeOf(
      () => {},
      (task) => task.cancel('too late'),
    )
    expect(seen).toEqual(['fulfilled', undefined])
  })

  it('rejects at the timeout of the task, and the task goes on alone', async () => {
    const seen: unknown[] = []
    const gate = newGate()
    instrumentTest(async (_, run) => {
      await run().catch((error: unknown) => seen.push(error))
    })
    const task = new BackgroundTask({ run: () => gate.opened, timeout: 10 })
    const running = new BackgroundTasks([task], quiet).run().catch(() => {})
    await vi.advanceTimersByTimeAsync(10)
    await running
    await turn()
    expect(seen).toMatchObject([{ name: 'TimeoutError' }])
    gate.open()
    await turn()
    expect(task.status).toBe('rejected')
  })

  it('does not run a task that is cancelled before', async () => {
    const called = vi.fn<() => void>()
    const seen: unknown[] = []
    instrumentTest(async (task, run) => {
      task.cancel('enough')
      await run().catch((error: unknown) => seen.push(error))
    })
    const task = new BackgroundTask(called)
    await new BackgroundTasks([task], quiet).run().catch(() => {})
    await turn()
    expect(await task.finished).toMatchObject({ status: 'rejected', error: 'enough' })
    expect(called).not.toHaveBeenCalled()
    expect(seen).toEqual(['enough'])
  })

  it('gives the same end each time', async () => {
    const seen: unknown[] = []
    const called = vi.fn<() => Promise<string>>(async () => 'value')
    instrumentTest(async (_, run) => {
      seen.push(...(await Promise.all([run(), run()])), await run())
    })
    await new BackgroundTask(called).run()
    await turn()
    expect(seen).toEqual([undefined, undefined, undefined])
    expect(called).toHaveBeenCalledOnce()
  })
})

describe('What an instrument does to the error of a task', () => {
  it.each<[string, Around]>([
    ['swallows it', (_, run) => run().catch(() => {})],
    ['passes it on', (_, run) => run()],
    ['waits for it elsewhere', async (_, run) => void run().catch(() => {})],
  ])('does not reach the task: one that %s', async (_, around) => {
    instrumentTest(around)
    const errors: unknown[] = []
    const bug = new Error('bug')
    const tasks = new BackgroundTasks([], { onError: ({ cause }) => errors.push(cause) })
    tasks.addTask(() => Promise.reject(bug))
    await tasks.run().catch(() => {})
    await turn()
    expect(errors).toEqual([bug])
    expect(takePrinted()).toEqual([])
  })

  // NaN is not equal to itself: the instrument was reported as one that had failed too.
  it('is not reported as one of the instrument, NaN neither', async () => {
    instrumentTest((_, run) => run())
    instrumentTest(async (_, run) => await run())
    const errors: unknown[] = []
    const tasks = new BackgroundTasks([], { onError: ({ cause }) => errors.push(cause) })
    tasks.addTask(() => {
      throw Number.NaN
    })
    await tasks.run().catch(() => {})
    await turn()
    expect(errors).toEqual([Number.NaN])
    expect(takePrinted()).toEqual([])
  })

  it('is reported as its own when it is another error', async () => {
    const [bug, another] = [new Error('bug'), new Error('another')]
    instrumentTest((_, run) => run().catch(() => Promise.reject(another)))
    const errors: unknown[] = []
    const tasks = new BackgroundTasks([], { onError: ({ cause }) => errors.push(cause) })
    tasks.addTask(function watched() {
      throw bug
    })
    await tasks.run().catch(() => {})
    await turn()
    expect(errors).toEqual([bug])
    expect(takePrinted()).toMatchObject([
      [{ message: 'The instrument of task watched failed', cause: another }],
    ])
  })
})

describe('What an instrument does at once after run', () => {
  const work: [string, () => unknown][] = [
    ['sync', () => {}],
    ['async', async () => {}],
    ['later', () => turn()],
    [
      'failing',
      () => {
        throw new Error('bug')
      },
    ],
    ['rejecting', () => Promise.reject(new Error('bug'))],
  ]

  it.each(work)('comes before the next task of a list in order: %s', async (_, fn) => {
    const calls: string[] = []
    for (const depth of ['1', '2', '3']) {
      instrumentTest(async ({ name }, run) => {
        calls.push(`>${name}${depth}`)
        await run().finally(() => calls.push(`<${name}${depth}`))
      })
    }
    const tasks = new BackgroundTasks([], { ...quiet, failure: 'continue' })
    for (const name of ['a', 'b']) {
      tasks.addTask({
        name,
        run() {
          calls.push(name)
          return fn()
        },
      })
    }
    tasks.defer(() => calls.push('cleanup'))
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    const a = ['>a1', '>a2', '>a3', 'a', '<a3', '<a2', '<a1']
    const b = ['>b1', '>b2', '>b3', 'b', '<b3', '<b2', '<b1']
    expect(calls).toEqual([...a, ...b, 'cleanup'])
  })

  it('comes before the next task of a nested list, and of the list around it', async () => {
    const calls: string[] = []
    instrumentTest(async ({ name }, run) => {
      calls.push(`>${name}`)
      await run()
      calls.push(`<${name}`)
    })
    const task = (name: string): BackgroundTask =>
      new BackgroundTask({ name, run: () => calls.push(name) })
    const tasks = new BackgroundTasks([new BackgroundTasks([task('a'), task('b')]), task('c')])
    await tasks.run()
    await turn()
    expect(calls).toEqual(['>a', 'a', '<a', '>b', 'b', '<b', '>c', 'c', '<c'])
  })

  // Only what it does at once: a span that is flushed would hold up all tasks.
  it('is all that the next task waits for', async () => {
    const gate = newGate()
    const calls: string[] = []
    instrumentTest(async ({ name }, run) => {
      await run()
      await gate.opened
      calls.push(`<${name}`)
    })
    const tasks = new BackgroundTasks()
    for (const name of ['a', 'b']) tasks.addTask({ name, run: () => calls.push(name) })
    await tasks.run()
    expect(calls).toEqual(['a', 'b'])
    gate.open()
    await turn()
    expect(calls).toEqual(['a', 'b', '<a', '<b'])
  })
})
