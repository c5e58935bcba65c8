import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BackgroundTask, BackgroundTaskError, BackgroundTasks } from '../../src/index.ts'
import { withContext } from '../../src/tasks/context-function.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { newThenable } from '../support/thenable.ts'
import { turn } from '../support/turn.ts'

watchReports()

const bug = new Error('bug')

function fail(): never {
  throw bug
}

/** A task that was run in vain; its failure is printed as well. */
async function failureOf(task: BackgroundTask): Promise<unknown> {
  const error: unknown = await task.run().then(
    () => expect.fail('It did not reject'),
    (reason: unknown) => reason,
  )
  await turn()
  takePrinted()
  return error
}

describe('new BackgroundTask()', () => {
  it('takes the name of its function', () => {
    expect(new BackgroundTask(fail).name).toBe('fail')
    expect(new BackgroundTask(fail.bind(undefined)).name).toBe('bound fail')
    expect(new BackgroundTask(() => {}).name).toBe('anonymous')
  })

  it('reads a definition once, and calls its run as a method', async () => {
    const reads: string[] = []
    class Greeting {
      readonly greeting = 'hello'
      get when(): readonly ['closed'] {
        reads.push('when')
        return ['closed']
      }
      run(): void {
        reads.push(this.greeting)
      }
    }
    const definition = new Greeting()
    const task = new BackgroundTask(definition)
    Object.defineProperty(definition, 'when', { value: 5 })
    definition.run = fail
    await task.run()
    expect(reads).toEqual(['when', 'hello'])
  })

  it('takes the name of its definition, or of the function in it', () => {
    expect(new BackgroundTask({ name: 'given', run: fail }).name).toBe('given')
    expect(new BackgroundTask({ run: fail }).name).toBe('fail')
    expect(new BackgroundTask({ run() {} }).name).toBe('run')
    expect(new BackgroundTask({ run: () => {}, name: '' }).name).toBe('anonymous')
  })

  it('is anonymous when the name is no text', () => {
    const odd = Object.defineProperty(() => {}, 'name', { value: 42 })
    expect(new BackgroundTask(odd).name).toBe('anonymous')
  })

  const hint = 'pass the function itself and its arguments after it'
  it.each<[string, unknown, string]>([
    [
      'a promise',
      Promise.resolve(),
      `Cannot add the task: it is a promise, so its function runs already, ${hint}`,
    ],
    [
      'a thenable',
      newThenable(() => {}),
      `Cannot add the task: it is a promise, so its function runs already, ${hint}`,
    ],
    [
      'undefined',
      undefined,
      `Cannot add the task: it is undefined without a function run, ${hint}`,
    ],
    ['null', null, `Cannot add the task: it is null without a function run, ${hint}`],
    ['a string', 'fail', `Cannot add the task: it is a string without a function run, ${hint}`],
    ['no run', {}, `Cannot add the task: it is an object without a function run, ${hint}`],
    [
      'a run that is none',
      { run: 'fail' },
      `Cannot add the task: it is an object without a function run, ${hint}`,
    ],
  ])('refuses %s', (_, task, message) => {
    expect(misuse(() => new BackgroundTask(task as never))).toBe(message)
    expect(misuse(() => new BackgroundTasks().addTask(task as never))).toBe(message)
  })

  it('refuses a run that comes from a polluted prototype', () => {
    Reflect.defineProperty(Object.prototype, 'run', { value: () => {}, configurable: true })
    try {
      expect(misuse(() => new BackgroundTask({} as never))).toContain('without a function run')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'run')
    }
  })

  it('refuses arguments for a definition, which nobody would read', () => {
    const task = BackgroundTask as new (...args: unknown[]) => BackgroundTask
    expect(misuse(() => new task({ run: () => {} }, 'argument'))).toBe(
      'Cannot add the task: a definition takes no arguments, use them in its run',
    )
  })

  it('takes a definition that is an instance of a class', async () => {
    class Job {
      readonly done: string[] = []
      run(): void {
        this.done.push('run')
      }
    }
    const job = new Job()
    await new BackgroundTask(job).run()
    expect(job.done).toEqual(['run'])
  })

  it('refuses a name that is no text', () => {
    expect(misuse(() => new BackgroundTask({ run: () => {}, name: 42 as never }))).toBe(
      'Cannot add the task: its name is a number, pass a string',
    )
  })

  it.each<[unknown, string]>([
    [0, '0'],
    [-5, '-5'],
    [NaN, 'NaN'],
    ['50', 'a string'],
    [null, 'null'],
  ])('refuses a timeout of %s', (timeout, kind) => {
    expect(
      misuse(() => new BackgroundTask({ run: () => {}, timeout: timeout as number }), RangeError),
    ).toBe(`Cannot add the task: timeout is ${kind}, pass milliseconds above 0`)
  })

  it.each<[string, unknown]>([
    ['a string', 'closed'],
    ['an unknown outcome', ['closed', 'done']],
    ['a set', new Set(['closed'])],
  ])('refuses a when that is %s', (_, when) => {
    expect(misuse(() => new BackgroundTask({ run: () => {}, when: when as [] }))).toBe(
      'Cannot add the task: when is not a list of outcomes, use closed, cancelled, errored, unread, thrown, or a function',
    )
  })
})

describe('BackgroundTask.run()', () => {
  it('calls the function with the arguments themselves, and no this', async () => {
    const argument = { email: 'ada@example.com' }
    const calls: unknown[] = []
    await new BackgroundTask(
      function (this: unknown, ...args: unknown[]) {
        calls.push(this, ...args)
      },
      argument,
      2,
    ).run()
    expect(calls).toEqual([undefined, argument, 2])
    expect(calls[1]).toBe(argument)
  })

  it('calls the run of a definition as its method, with the context', async () => {
    const seen: unknown[] = []
    class Greeting {
      readonly greeting = 'hello'
      run(context: unknown): void {
        seen.push(this.greeting, context)
      }
    }
    await new BackgroundTask(new Greeting()).run()
    expect(seen).toMatchObject(['hello', { outcome: 'closed', reason: undefined }])
  })

  it('gives the same signal each time it is asked', async () => {
    const signals: AbortSignal[] = []
    await new BackgroundTask({
      run: (context) => void signals.push(context.signal, context.signal),
    }).run()
    expect(signals[0]).toBeInstanceOf(AbortSignal)
    expect(signals[0]).toBe(signals[1])
  })

  it('starts at once', () => {
    const called = vi.fn<() => void>()
    void new BackgroundTask(called).run()
    expect(called).toHaveBeenCalledOnce()
  })

  it('waits for a promise, and for a thenable', async () => {
    for (const asPromise of [true, false]) {
      const gate = newGate()
      const waited = asPromise
        ? gate.opened
        : newThenable((resolve) => void gate.opened.then(resolve))
      const task = new BackgroundTask(() => waited)
      const running = task.run()
      await turn()
      expect(task.status).toBe('running')
      gate.open()
      await running
      expect(task.status).toBe('fulfilled')
    }
  })

  it('rejects with the error of the task, the original as cause', async () => {
    for (const fn of [fail, async () => fail()]) {
      const error = await failureOf(new BackgroundTask(fn))
      expect(error).toBeInstanceOf(BackgroundTaskError)
      expect(error).toMatchObject({ cause: bug, skipped: [] })
    }
  })

  it.each([undefined, null, 'text', Object.freeze(new Error('frozen'))])(
    'rejects when the task throws %s',
    async (thrown) => {
      const task = new BackgroundTask(() => {
        throw thrown
      })
      expect(await failureOf(task)).toMatchObject({ cause: thrown })
      expect(task.status).toBe('rejected')
      expect(await task.finished).toHaveProperty('error', thrown)
    },
  )

  // Jest, vm and jsdom run tests in a realm of their own, while Node's errors are of another.
  it('says what an error of another realm says', async () => {
    const failure = new BackgroundTask(function readConfig() {
      runInNewContext('throw new RangeError("no such file")')
    })
    expect(await failureOf(failure)).toMatchObject({
      message: expect.stringContaining('no such file'),
    })
  })

  it('rejects when a thenable throws, or cannot be looked at', async () => {
    const thrower = newThenable(fail)
    const hidden = new Proxy({}, { get: fail })
    for (const returned of [thrower, hidden]) {
      expect(await failureOf(new BackgroundTask(() => returned))).toMatchObject({ cause: bug })
    }
  })

  // It never ended, and neither did what waited for it.
  it('ends although its failure cannot be printed', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {
      throw new Error('no errors in the tests of this project')
    })
    const next = vi.fn<() => void>()
    const tasks = new BackgroundTasks([new BackgroundTask(fail)], { failure: 'continue' })
    tasks.addTask(next)
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled' }])
    expect(next).toHaveBeenCalledOnce()
  })

  it('prints the failure once, and may be ignored', async () => {
    void new BackgroundTask(fail).run()
    await turn()
    expect(takePrinted()).toMatchObject([[{ name: 'BackgroundTaskError', cause: bug }]])
  })

  it('runs once: a later call waits for the same end', async () => {
    const gate = newGate()
    const called = vi.fn<() => Promise<void>>(() => gate.opened)
    const task = new BackgroundTask(called)
    const running = [task.run(), task.run()]
    gate.open()
    await Promise.all(running)
    await task.run()
    expect(called).toHaveBeenCalledOnce()
  })

  it('rejects again when it is called again', async () => {
    const task = new BackgroundTask(fail)
    await failureOf(task)
    await expect(task.run()).rejects.toMatchObject({ cause: bug })
  })

  it('resolves when the task was cancelled before, and does not run it', async () => {
    const task = new BackgroundTask(() => expect.fail('It ran'))
    task.cancel()
    await task.run()
    expect(task.status).toBe('skipped')
  })

  it('skips a task that is for another outcome', async () => {
    const task = new BackgroundTask({ run: () => expect.fail('It ran'), when: ['errored'] })
    await task.run()
    expect(await task.finished).toEqual({
      name: 'run',
      status: 'skipped',
      outcome: 'closed',
      duration: 0,
    })
  })

  it('gives the context first to a function that asks for it', async () => {
    const plain = vi.fn<(...args: unknown[]) => void>()
    const asks = vi.fn<(...args: unknown[]) => void>()
    await new BackgroundTask(Object.assign(plain, { [withContext]: asks }), 'argument').run()
    expect(asks).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ outcome: 'closed' }),
      'argument',
    )
    expect(plain).not.toHaveBeenCalled()
  })

  it('calls a function itself whose symbol is none', async () => {
    const plain = vi.fn<(...args: unknown[]) => void>()
    await new BackgroundTask(Object.assign(plain, { [withContext]: true }), 'argument').run()
    expect(plain).toHaveBeenCalledExactlyOnceWith('argument')
  })
})

describe('BackgroundTask.status and .finished', () => {
  it('follow the task', async () => {
    const gate = newGate()
    const task = new BackgroundTask(function wait() {
      return gate.opened
    })
    expect(task.status).toBe('pending')
    const finished = task.finished
    const response = task.wrap(new Response('body'))
    await response.text()
    expect(task.status).toBe('pending')
    await turn()
    expect(task.status).toBe('running')
    gate.open()
    const result = await finished
    expect(task.status).toBe('fulfilled')
    expect(result).toEqual({
      name: 'wait',
      status: 'fulfilled',
      outcome: 'closed',
      duration: expect.any(Number),
    })
    expect(result.duration).toBeGreaterThan(0)
    expect(await task.finished).toBe(result)
    expect(task.finished).toBe(finished)
  })

  it('can be asked for the first time after the end', async () => {
    const task = new BackgroundTask(() => {})
    task.cancel('enough')
    expect(await task.finished).toMatchObject({ status: 'skipped', error: 'enough' })
    expect(task.finished).toBe(task.finished)
  })

  it('never rejects', async () => {
    const task = new BackgroundTask(fail)
    void task.run()
    expect(await task.finished).toMatchObject({ status: 'rejected', error: bug })
    await turn()
    takePrinted()
  })

  it('has an error of undefined when undefined was thrown, and none when nothing was', async () => {
    const task = new BackgroundTask(() => Promise.reject())
    await failureOf(task)
    expect('error' in (await task.finished)).toBe(true)
    const other = new BackgroundTask(() => {})
    await other.run()
    expect('error' in (await other.finished)).toBe(false)
  })
})

describe('A subclass of BackgroundTask', () => {
  const calls: string[] = []
  beforeEach(() => {
    calls.length = 0
  })

  class Logged extends BackgroundTask {
    override async run(): Promise<void> {
      calls.push('before')
      await super.run()
      calls.push('after')
    }
  }

  // Starlette calls the method; a definition with a `run` of its own does what a subclass would.
  it.each<[string, (task: BackgroundTask) => unknown]>([
    ['a response', (task) => task.wrap(new Response('body')).text()],
    ['a list', (task) => new BackgroundTasks([task]).run()],
  ])('has its function called by %s, and not a run() that it overrides', async (_, run) => {
    const task = new Logged(async () => {
      calls.push('task')
      await turn()
      calls.push('end')
    })
    await run(task)
    expect(await task.finished).toMatchObject({ status: 'fulfilled' })
    await turn()
    expect(calls).toEqual(['task', 'end'])
  })

  it('may override run() for those who call that', async () => {
    await new Logged(() => calls.push('task')).run()
    expect(calls).toEqual(['before', 'task', 'after'])
  })

  it('may have fields and methods of its own', async () => {
    class Numbered extends BackgroundTask {
      readonly number = 7
      describe(): string {
        return `${this.name} ${this.number}: ${this.status}`
      }
    }
    const task = new Numbered(function send() {})
    const tasks = new BackgroundTasks([task])
    expect(tasks.tasks[0]).toBe(task)
    await tasks.run()
    expect(task.describe()).toBe('send 7: fulfilled')
  })
})

describe('BackgroundTask.wrap()', () => {
  it('runs the task after the response', async () => {
    const called = vi.fn<(argument: string) => void>()
    const task = new BackgroundTask(called, 'argument')
    const response = task.wrap(new Response('body', { status: 201 }))
    expect([response.status, await response.text()]).toEqual([201, 'body'])
    expect(called).not.toHaveBeenCalled()
    await task.finished
    expect(called).toHaveBeenCalledExactlyOnceWith('argument')
  })

  describe('of a task that is not pending any more', () => {
    const gate = newGate()
    afterEach(() => gate.open())

    it.each<[string, () => BackgroundTask]>([
      [
        'fulfilled',
        () => {
          const task = new BackgroundTask(() => {})
          void task.run()
          return task
        },
      ],
      [
        'running',
        () => {
          const task = new BackgroundTask(() => gate.opened)
          void task.run()
          return task
        },
      ],
      [
        'skipped',
        () => {
          const task = new BackgroundTask(() => {})
          task.cancel()
          return task
        },
      ],
    ])('fails: %s', (status, create) => {
      expect(misuse(() => create().wrap(new Response('body')))).toBe(
        `Cannot wrap the response: task anonymous is ${status}, create a task per response`,
      )
    })
  })
})
