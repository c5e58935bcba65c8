import { describe, expect, it, vi } from 'vitest'
import {
  BackgroundTask,
  BackgroundTaskError,
  BackgroundTasks,
  type BackgroundTasksOptions,
  type Outcome,
  type TaskResult,
} from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'
import { everyOutcome } from '../support/witness.ts'

watchReports()

const bug = new Error('bug')

function fail(): never {
  throw bug
}

/** The list, wrapped around a response whose body ends as asked. */
async function answer(tasks: BackgroundTasks, outcome: Outcome = 'closed'): Promise<void> {
  const response = tasks.wrap(new Response('body'))
  if (outcome === 'cancelled') await response.body?.cancel('gone')
  else await response.text()
}

describe('new BackgroundTasks()', () => {
  it('copies the tasks and lists it is given', async () => {
    const [task, list] = [new BackgroundTask(() => {}), new BackgroundTasks()]
    const given = [task, list]
    const tasks = new BackgroundTasks(given)
    given.pop()
    expect(tasks.tasks).toEqual([task, list])
    expect(tasks.tasks[0]).toBe(task)
  })

  it('takes any iterable', () => {
    const [task, other] = [new BackgroundTask(() => {}), new BackgroundTask(() => {})]
    expect(new BackgroundTasks([task, other].values()).tasks).toEqual([task, other])
    expect(new BackgroundTasks(new Set([task])).tasks).toEqual([task])
  })

  it.each<[string, unknown]>([
    ['one task', new BackgroundTask(() => {})],
    ['the options', { concurrency: 2 }],
    ['null', null],
    ['a function', () => {}],
  ])('refuses %s in the place of a list of tasks', (_, tasks) => {
    expect(misuse(() => new BackgroundTasks(tasks as []))).toMatch(/^Cannot create the list: /)
  })

  it('refuses a task in the list that is none', () => {
    expect(misuse(() => new BackgroundTasks([undefined as never]))).toMatch(
      /^Cannot add the task: it is undefined/,
    )
  })

  it.each<[unknown, string]>([
    [null, 'null'],
    ['continue', 'a string'],
    [2, 'a number'],
  ])('refuses %s for options', (options, kind) => {
    const message = `Cannot create the list: the options are ${kind}, pass an object`
    expect(misuse(() => new BackgroundTasks([], options as object))).toBe(message)
  })

  it('takes options that it inherits', async () => {
    const heard: string[] = []
    const shared = { onError: ({ task }: BackgroundTaskError) => heard.push(task) }
    const tasks = new BackgroundTasks([], Object.create(shared))
    tasks.addTask(function broken() {
      throw new Error('bug')
    })
    await tasks.run().catch(() => {})
    expect(heard).toEqual(['broken'])
  })

  it('copies its options', async () => {
    const calls: string[] = []
    const options: BackgroundTasksOptions = { concurrency: 1 }
    const tasks = new BackgroundTasks([], options)
    options.concurrency = -1
    tasks.addTask(() => calls.push('task'))
    await tasks.run()
    expect(calls).toEqual(['task'])
  })

  it.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    ['2', 'a string'],
    [Symbol('2'), 'a symbol'],
    [null, 'null'],
  ])('refuses a concurrency of %s', (concurrency, shown) => {
    expect(
      misuse(() => new BackgroundTasks([], { concurrency: concurrency as number }), RangeError),
    ).toBe(
      `Cannot create the list: concurrency is ${shown}, pass a whole number from 1 or Infinity`,
    )
  })

  it.each<[string, unknown, string]>([
    ['failure', 'halt', "failure is a string, pass 'stop' or 'continue'"],
    ['failure', null, "failure is null, pass 'stop' or 'continue'"],
    ['onError', 'console', 'onError is a string, pass a function'],
    ['onError', null, 'onError is null, pass a function'],
    [
      'when',
      'closed',
      'when is not a list of outcomes, use closed, cancelled, errored, unread, thrown, or a function',
    ],
    [
      'when',
      ['open'],
      'when is not a list of outcomes, use closed, cancelled, errored, unread, thrown, or a function',
    ],
  ])('refuses a %s of %s', (option, value, message) => {
    expect(misuse(() => new BackgroundTasks([], { [option]: value }))).toBe(
      `Cannot create the list: ${message}`,
    )
  })

  it.each<[unknown, string]>([
    [0, '0'],
    ['50', 'a string'],
  ])('refuses a timeout of %s', (timeout, shown) => {
    expect(misuse(() => new BackgroundTasks([], { timeout: timeout as number }), RangeError)).toBe(
      `Cannot create the list: timeout is ${shown}, pass milliseconds above 0`,
    )
  })

  it.each<BackgroundTasksOptions>([
    { concurrency: 1 },
    { concurrency: Infinity },
    { failure: 'stop' },
    { failure: 'continue' },
    { timeout: Infinity },
    { when: [] },
    { when: everyOutcome },
    { onError: () => {} },
  ])('accepts %o', (options) => {
    expect(new BackgroundTasks([], options).tasks).toEqual([])
  })
})

describe('BackgroundTasks.tasks', () => {
  it('cannot be used to change the list', () => {
    const tasks = new BackgroundTasks([new BackgroundTask(() => {})])
    const shown = tasks.tasks as BackgroundTask[]
    shown.length = 0
    expect(tasks.tasks).toHaveLength(1)
  })
})

describe('BackgroundTasks.addTask()', () => {
  it('makes a task of a function and its arguments', async () => {
    const called = vi.fn<(...args: unknown[]) => void>()
    const argument = {}
    const tasks = new BackgroundTasks()
    const task = tasks.addTask(called, 1, argument)
    expect(task).toBeInstanceOf(BackgroundTask)
    expect(tasks.tasks).toEqual([task])
    await answer(tasks)
    await task.finished
    expect(called).toHaveBeenCalledExactlyOnceWith(1, argument)
    expect(called.mock.calls[0]?.[1]).toBe(argument)
  })

  it('makes a task of a definition', async () => {
    const run = vi.fn<() => void>()
    const tasks = new BackgroundTasks()
    const task = tasks.addTask({ name: 'given', run })
    expect(task.name).toBe('given')
    await answer(tasks)
    await task.finished
    expect(run).toHaveBeenCalledOnce()
  })

  it('takes a task or a list as it is', () => {
    const [task, list] = [new BackgroundTask(() => {}), new BackgroundTasks()]
    const tasks = new BackgroundTasks()
    expect(tasks.addTask(task)).toBe(task)
    expect(tasks.addTask(list)).toBe(list)
    expect(tasks.tasks).toEqual([task, list])
  })

  it('refuses arguments for a task or a list, which nobody would read', () => {
    const tasks = new BackgroundTasks()
    const addTask = tasks.addTask.bind(tasks) as (...args: unknown[]) => unknown
    for (const task of [new BackgroundTask(() => {}), new BackgroundTasks()]) {
      expect(misuse(() => addTask(task, 'argument'))).toBe(
        'Cannot add the task: a task takes no arguments, pass them where it is made',
      )
    }
    expect(tasks.tasks).toEqual([])
  })

  it('adds nothing when it refuses', () => {
    const tasks = new BackgroundTasks()
    misuse(() => tasks.addTask(Promise.resolve() as never))
    misuse(() => tasks.addTask(tasks))
    expect(tasks.tasks).toEqual([])
  })

  it('refuses a list in itself, directly or through others', () => {
    const message = 'Cannot add the list: it contains this list, add its tasks instead'
    const [outer, middle, inner] = [
      new BackgroundTasks(),
      new BackgroundTasks(),
      new BackgroundTasks(),
    ]
    expect(misuse(() => inner.addTask(inner))).toBe(message)
    outer.addTask(middle)
    middle.addTask(inner)
    expect(misuse(() => middle.addTask(outer))).toBe(message)
    expect(misuse(() => inner.addTask(outer))).toBe(message)
  })

  it('takes a list at many places, however deep', async () => {
    const called = vi.fn<() => void>()
    let list = new BackgroundTasks([new BackgroundTask(called)])
    // Two at each level: they must not be walked through one by one.
    for (let depth = 0; depth < 26; depth += 1) list = new BackgroundTasks([list, list])
    await list.run()
    expect(await list.finished).toHaveLength(1)
    expect(called).toHaveBeenCalledOnce()
  })

  it('takes a hundred thousand tasks', async () => {
    const tasks = new BackgroundTasks()
    let count = 0
    for (let index = 0; index < 50_000; index += 1) {
      tasks.addTask(() => (count += 1))
      tasks.addTask(async () => (count += 1))
    }
    await tasks.run()
    expect(count).toBe(100_000)
    expect(await tasks.finished).toHaveLength(100_000)
  })

  it.each([
    ['a running task', (tasks: BackgroundTasks, add: () => unknown) => void tasks.addTask(add)],
    ['a cleanup', (tasks: BackgroundTasks, add: () => unknown) => tasks.defer(add)],
  ])('by %s adds a list that runs too', async (_, schedule) => {
    const called = vi.fn<() => void>()
    const tasks = new BackgroundTasks()
    schedule(tasks, () => tasks.addTask(new BackgroundTasks([new BackgroundTask(called)])))
    await answer(tasks)
    await tasks.finished
    expect(called).toHaveBeenCalledOnce()
  })
})

describe('BackgroundTasks.defer()', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [Promise.resolve(), 'a promise'],
    ['close', 'a string'],
  ])('refuses %s', (cleanup, kind) => {
    expect(misuse(() => new BackgroundTasks().defer(cleanup as () => void))).toMatch(
      new RegExp(`^Cannot defer .*: it is ${kind}, pass a function$`),
    )
  })

  it('calls the cleanups after the last task, last added first, one after the other', async () => {
    const calls: string[] = []
    const tasks = new BackgroundTasks([], { concurrency: Infinity })
    tasks.defer(() => calls.push('first'))
    tasks.defer(async () => {
      await turn()
      calls.push('second')
    })
    tasks.defer((...args: unknown[]) => calls.push(`third with ${args.length} arguments`))
    tasks.addTask(async () => {
      await turn()
      calls.push('task')
    })
    await answer(tasks)
    expect(await tasks.finished).toHaveLength(1)
    expect(calls).toEqual(['task', 'third with 0 arguments', 'second', 'first'])
  })

  it.each<[string, (tasks: BackgroundTasks) => unknown]>([
    ['there is no task', () => {}],
    ['a task has failed', (tasks) => tasks.addTask(fail)],
    ['a task was cancelled', (tasks) => tasks.addTask(() => {}).cancel()],
    ['no task is for this outcome', (tasks) => tasks.addTask({ run: fail, when: ['errored'] })],
  ])('calls the cleanup although %s', async (_, add) => {
    const cleanup = vi.fn<() => void>()
    const tasks = new BackgroundTasks([], { onError: () => {}, when: ['closed'] })
    tasks.defer(cleanup)
    add(tasks)
    await answer(tasks, 'cancelled')
    await tasks.finished
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('calls the cleanup of a list that is skipped', async () => {
    const cleanup = vi.fn<() => void>()
    const nested = new BackgroundTasks([new BackgroundTask(() => expect.fail('It ran'))])
    nested.defer(cleanup)
    const tasks = new BackgroundTasks([new BackgroundTask(fail), nested], { onError: () => {} })
    await answer(tasks)
    await tasks.finished
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('is waited for', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.defer(() => gate.opened)
    const ended = vi.fn<() => void>()
    const running = tasks.run().then(ended)
    await turn()
    expect(ended).not.toHaveBeenCalled()
    gate.open()
    await running
  })
})

describe('BackgroundTasks.run()', () => {
  it('starts at once, and resolves after the last task', async () => {
    const calls: string[] = []
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.addTask(() => calls.push('first'))
    tasks.addTask(async () => {
      await gate.opened
      calls.push('second')
    })
    const running = tasks.run().then(() => calls.push('end'))
    expect(calls).toEqual(['first'])
    gate.open()
    await running
    expect(calls).toEqual(['first', 'second', 'end'])
  })

  it('resolves when there is nothing', async () => {
    await new BackgroundTasks().run()
  })

  it('rejects with the first failure, after the end, as onError has heard of it', async () => {
    const errors: BackgroundTaskError[] = []
    const tasks = new BackgroundTasks([], {
      failure: 'continue',
      onError: (error) => void errors.push(error),
    })
    tasks.addTask(async function first() {
      await turn()
      fail()
    })
    tasks.addTask(function second() {
      throw new Error('another')
    })
    const last = tasks.addTask(() => turn())
    const error: unknown = await tasks.run().catch((reason: unknown) => reason)
    expect(last.status).toBe('fulfilled')
    expect(errors).toHaveLength(2)
    expect(error).toBeInstanceOf(BackgroundTaskError)
    expect(error).toMatchObject({ task: 'first', cause: bug })
  })

  it('names in its rejection what was skipped', async () => {
    const tasks = new BackgroundTasks([], { onError: () => {} })
    tasks.addTask(fail)
    tasks.addTask(function next() {})
    await expect(tasks.run()).rejects.toMatchObject({ task: 'fail', skipped: ['next'] })
  })

  it('may be ignored', async () => {
    const errors: unknown[] = []
    void new BackgroundTasks([new BackgroundTask(fail)], {
      onError: (error) => void errors.push(error),
    }).run()
    await turn()
    expect(errors).toMatchObject([{ cause: bug }])
  })

  it('runs once: a later call waits for the same end', async () => {
    const gate = newGate()
    const called = vi.fn<() => Promise<void>>(() => gate.opened)
    const tasks = new BackgroundTasks([new BackgroundTask(called)])
    const running = [tasks.run(), tasks.run()]
    gate.open()
    await Promise.all(running)
    await tasks.run()
    expect(called).toHaveBeenCalledOnce()
  })

  it('resolves when a task was cancelled or is for another outcome', async () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(fail).cancel()
    tasks.addTask({ run: fail, when: ['unread'] })
    await tasks.run()
  })
})

describe('BackgroundTasks.finished', () => {
  it('holds the results in the order added, whatever the order of the ends', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks([], {
      concurrency: 3,
      failure: 'continue',
      onError: () => {},
    })
    tasks.addTask(async function slow() {
      await gate.opened
    })
    tasks.addTask(fail)
    tasks.addTask(function quick() {
      gate.open()
    })
    tasks.addTask({ name: 'other', run: fail, when: ['errored'] })
    await answer(tasks)
    const duration: unknown = expect.any(Number)
    expect(await tasks.finished).toEqual([
      { name: 'slow', status: 'fulfilled', outcome: 'closed', duration },
      { name: 'fail', status: 'rejected', outcome: 'closed', duration, error: bug },
      { name: 'quick', status: 'fulfilled', outcome: 'closed', duration },
      { name: 'other', status: 'skipped', outcome: 'closed', duration: 0 },
    ])
  })

  it('has the reason of a skip', async () => {
    const tasks = new BackgroundTasks([], { onError: () => {} })
    tasks.addTask(fail)
    tasks.addTask(() => {})
    await answer(tasks, 'cancelled')
    expect((await tasks.finished)[1]).toEqual({
      name: 'anonymous',
      status: 'skipped',
      outcome: 'cancelled',
      duration: 0,
      error: bug,
    })
  })

  it('is one promise, and can be asked for the first time after the end', async () => {
    const tasks = new BackgroundTasks([new BackgroundTask(() => {})])
    expect(tasks.finished).toBe(tasks.finished)
    await answer(tasks)
    await turn()
    expect(await tasks.finished).toHaveLength(1)
    const late = new BackgroundTasks([new BackgroundTask(() => {})])
    await answer(late)
    await turn()
    expect(late.finished).toBe(late.finished)
    expect(await late.finished).toHaveLength(1)
  })

  it('is another promise when a task is added after the end', async () => {
    const tasks = new BackgroundTasks()
    await tasks.run()
    const before = tasks.finished
    tasks.addTask(() => {})
    expect(tasks.finished).not.toBe(before)
    expect(await before).toEqual([])
    expect(await tasks.finished).toHaveLength(1)
  })

  it('leaves out a cleanup', async () => {
    const tasks = new BackgroundTasks([new BackgroundTask(function first() {})])
    tasks.defer(function cleanup() {})
    await tasks.run()
    expect((await tasks.finished).map(({ name }) => name)).toEqual(['first'])
  })

  it('waits for what a cleanup adds to its list', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks([new BackgroundTask(function first() {})])
    tasks.defer(
      () =>
        void tasks.addTask(function last() {
          return gate.opened
        }),
    )
    const { finished } = tasks
    void tasks.run()
    await turn()
    gate.open()
    expect((await finished).map(({ name }) => name)).toEqual(['first', 'last'])
  })

  // Its session was closed under a task, and on Workers nothing held that.
  it('waits for a task that a nested list has got after its own end, and so do the cleanups', async () => {
    const [running, late] = [newGate(), newGate()]
    const nested = new BackgroundTasks()
    const cleanup = vi.fn<() => void>()
    const tasks = new BackgroundTasks([nested])
    tasks.defer(cleanup)
    tasks.addTask(async function adding() {
      nested.addTask(function added() {
        return late.opened
      })
      await running.opened
    })
    const finished = vi.fn<(results: readonly TaskResult[]) => void>()
    void tasks.finished.then(finished)
    await answer(tasks)
    running.open()
    await turn()
    expect([finished.mock.calls.length, cleanup.mock.calls.length]).toEqual([0, 0])
    late.open()
    expect((await tasks.finished).map(({ name }) => name)).toEqual(['added', 'adding'])
    expect(cleanup).toHaveBeenCalledOnce()
    expect(await nested.finished).toHaveLength(1)
  })

  it('is another promise when something is added to a nested list after the end of both', async () => {
    const gate = newGate()
    const nested = new BackgroundTasks([new BackgroundTask(function first() {})])
    const tasks = new BackgroundTasks([nested])
    await tasks.run()
    const before = tasks.finished
    nested.addTask(function second() {
      return gate.opened
    })
    expect(tasks.finished).not.toBe(before)
    gate.open()
    expect((await tasks.finished).map(({ name }) => name)).toEqual(['first', 'second'])
  })
})

describe('BackgroundTasks.wrap()', () => {
  it('runs the tasks after the response', async () => {
    const called = vi.fn<() => void>()
    const tasks = new BackgroundTasks([new BackgroundTask(called)])
    const response = tasks.wrap(new Response('body', { status: 201 }))
    expect([response.status, await response.text()]).toEqual([201, 'body'])
    expect(called).not.toHaveBeenCalled()
    await tasks.finished
    expect(called).toHaveBeenCalledOnce()
  })

  it.each<[string, (tasks: BackgroundTasks) => unknown]>([
    ['has started', (tasks) => void tasks.run()],
    ['has ended', (tasks) => tasks.run()],
  ])('fails when the list %s', async (_, start) => {
    const gate = newGate()
    const tasks = new BackgroundTasks([new BackgroundTask(() => turn().then(gate.open))])
    await start(tasks)
    expect(misuse(() => tasks.wrap(new Response('body')))).toBe(
      'Cannot wrap the response: the tasks of this list have started, create a list per request',
    )
    await gate.opened
    await tasks.finished
  })
})

describe('A list in a list', () => {
  it.each<[string, BackgroundTasksOptions, BackgroundTasksOptions, string[]]>([
    ["inherits no 'continue'", { failure: 'continue' }, {}, ['fail', 'after']],
    ["keeps its own 'continue' to itself", {}, { failure: 'continue' }, ['fail', 'next', 'after']],
    ["stops the list around it under 'stop'", {}, {}, ['fail']],
  ])('%s', async (_, outer, inner, ran) => {
    const calls: string[] = []
    const nested = new BackgroundTasks([], inner)
    nested.addTask(() => {
      calls.push('fail')
      fail()
    })
    nested.addTask(() => calls.push('next'))
    const tasks = new BackgroundTasks([nested], { ...outer, onError: () => {} })
    tasks.addTask(() => calls.push('after'))
    await answer(tasks)
    await tasks.finished
    expect(calls).toEqual(ran)
  })

  it('reports to the onError of the list around it, unless it has its own', async () => {
    const heard: string[] = []
    const listeners = (name: string): BackgroundTasksOptions => ({
      failure: 'continue',
      onError: ({ task }) => heard.push(`${name} hears of ${task}`),
    })
    const own = new BackgroundTasks(
      [new BackgroundTask({ name: 'a', run: fail })],
      listeners('own'),
    )
    const without = new BackgroundTasks([new BackgroundTask({ name: 'b', run: fail })])
    const tasks = new BackgroundTasks([own, without], listeners('outer'))
    await answer(tasks)
    await tasks.finished
    expect(heard).toEqual(['own hears of a', 'outer hears of b'])
  })

  it('runs for the outcomes of the list around it, unless it has its own', async () => {
    const calls: string[] = []
    const own = new BackgroundTasks([], { when: ['cancelled'] })
    own.addTask(() => calls.push('own list'))
    own.addTask({ run: () => calls.push('own task'), when: ['closed'] })
    const without = new BackgroundTasks()
    without.addTask(() => calls.push('without'))
    without.addTask({ run: () => calls.push('task'), when: ['cancelled'] })
    const tasks = new BackgroundTasks([own, without], { when: ['closed'] })
    await answer(tasks, 'cancelled')
    await tasks.finished
    expect(calls).toEqual(['own list', 'task'])
  })

  it('bounds its own tasks only', async () => {
    const gate = newGate()
    const started: string[] = []
    const newTask = (name: string): BackgroundTask =>
      new BackgroundTask(() => {
        started.push(name)
        return gate.opened
      })
    const nested = new BackgroundTasks([newTask('1'), newTask('2'), newTask('3')], {
      concurrency: 2,
    })
    const tasks = new BackgroundTasks([nested, newTask('4'), newTask('5')], { concurrency: 2 })
    const running = tasks.run()
    expect(started).toEqual(['1', '2', '4'])
    gate.open()
    await running
    expect(started).toHaveLength(5)
  })

  it('that another response runs is waited for, and its failures are its own', async () => {
    const gate = newGate()
    const heard: string[] = []
    const shared = new BackgroundTasks([], { onError: () => heard.push('shared') })
    shared.addTask(async () => {
      await gate.opened
      fail()
    })
    const tasks = new BackgroundTasks([shared], { onError: () => heard.push('outer') })
    const after = tasks.addTask(() => {})
    await Promise.all([answer(shared), answer(tasks)])
    await turn()
    expect(after.status).toBe('pending')
    gate.open()
    await tasks.finished
    expect(heard).toEqual(['shared'])
    expect(after.status).toBe('fulfilled')
  })

  it('that has run already is passed over', async () => {
    const shared = new BackgroundTasks([new BackgroundTask(() => {})])
    await shared.run()
    const tasks = new BackgroundTasks([shared])
    const after = tasks.addTask(() => {})
    await tasks.run()
    expect(after.status).toBe('fulfilled')
    expect(await tasks.finished).toHaveLength(2)
  })
})

describe('A list in a list that is added to after its end', () => {
  // It ran alone: a session was closed under a task, and on Workers nothing held it.
  it('holds the cleanups, the promises and the response of the list around it', async () => {
    const events: string[] = []
    const [late, adding] = [newGate(), newGate()]
    const nested = new BackgroundTasks()
    nested.addTask(() => events.push('nested'))
    const tasks = new BackgroundTasks([nested])
    tasks.defer(() => events.push('cleanup'))
    tasks.addTask(() => {
      nested.addTask(async function added() {
        await late.opened
        events.push('added')
      })
      return adding.opened
    })
    let held: Promise<unknown> | undefined
    const response = tasks.wrap(new Response('body'), { waitUntil: (promise) => (held = promise) })
    await response.text()
    void held?.then(() => events.push('held'))
    await turn()
    adding.open()
    await turn()
    expect(events).toEqual(['nested'])
    late.open()
    const results = await tasks.finished
    await held
    expect(events).toEqual(['nested', 'added', 'cleanup', 'held'])
    expect(results.map(({ name }) => name)).toContain('added')
  })
})

describe('A task in two lists', () => {
  it('is skipped only where a failure skips it, and runs in the other', async () => {
    const ran: string[] = []
    const shared = new BackgroundTask(function shared() {
      ran.push('shared')
    })
    const failing = new BackgroundTasks([new BackgroundTask(fail), shared], { onError: () => {} })
    const other = new BackgroundTasks([new BackgroundTask(() => ran.push('first')), shared])
    await failing.run().catch(() => {})
    await other.run()
    expect(ran).toEqual(['first', 'shared'])
    expect((await other.finished).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  })

  it('is skipped when the last of its lists fails before it', async () => {
    const ran = vi.fn<() => void>()
    const shared = new BackgroundTask(ran)
    const lists = [1, 2].map(
      () => new BackgroundTasks([new BackgroundTask(fail), shared], { onError: () => {} }),
    )
    for (const list of lists) await list.run().catch(() => {})
    expect(ran).not.toHaveBeenCalled()
    expect((await shared.finished).status).toBe('skipped')
  })

  it('that fails in one is reported there, and does not stop the other', async () => {
    const heard: string[] = []
    const shared = new BackgroundTask(async () => {
      await turn()
      fail()
    })
    const lists = ['first', 'second'].map(
      (name) => new BackgroundTasks([shared], { onError: () => heard.push(name) }),
    )
    const after = lists.map((list) => list.addTask(() => {}))
    await Promise.all(lists.map((list) => list.run().catch(() => {})))
    expect(heard).toEqual(['first'])
    expect(after.map(({ status }) => status)).toEqual(['skipped', 'fulfilled'])
  })
})

describe('onError', () => {
  it('hears of a failure before the list has ended, and may add tasks', async () => {
    const late = vi.fn<() => void>()
    const tasks: BackgroundTasks = new BackgroundTasks([], {
      failure: 'continue',
      onError: () => tasks.addTask(late),
    })
    tasks.addTask(fail)
    await answer(tasks)
    expect(await tasks.finished).toHaveLength(2)
    expect(late).toHaveBeenCalledOnce()
    expect(takePrinted()).toEqual([])
  })
})
