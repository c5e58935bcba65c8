import { describe, expect, it, vi } from 'vitest'
import { provideBackgroundTasks } from '../src/context.ts'
import { provideBackgroundTasks as provideInHono } from '../src/hono.ts'
import {
  BackgroundTask,
  BackgroundTasks,
  type BackgroundTasksOptions,
  drain,
  type HandlerOptions,
  withBackgroundTasks,
  type WrapOptions,
} from '../src/index.ts'
import { misuse, rejection } from './support/misuse.ts'
import { watchReports } from './support/reports.ts'
import { turn } from './support/turn.ts'

watchReports()

const run = (): void => {}

/** Every place that takes options, called with these. */
const places: [string, (options: object) => unknown][] = [
  ['new BackgroundTasks()', (options) => new BackgroundTasks([], options)],
  ['withBackgroundTasks()', (options) => withBackgroundTasks(run, options)],
  ['provideBackgroundTasks()', (options) => provideBackgroundTasks(run, options)],
  ['BackgroundTasks.wrap()', (options) => new BackgroundTasks().wrap(new Response(null), options)],
  ['BackgroundTask.wrap()', (options) => new BackgroundTask(run).wrap(new Response(null), options)],
  ['new BackgroundTask()', (options) => new BackgroundTask({ run, ...options })],
  ['BackgroundTasks.addTask()', (options) => new BackgroundTasks().addTask({ run, ...options })],
]

describe.each(places)('%s', (_, use) => {
  it.each(['paralel', 'retries', 'onerror', 'timeOut', 'constructor'])(
    'refuses an option that does not exist: %s',
    (name) => {
      expect(misuse(() => use({ [name]: 1 }))).toMatch(new RegExp(`^Cannot .*\\b${name}\\b`))
    },
  )

  it('names the option and not its value', () => {
    expect(misuse(() => use({ passwort: 'correct horse' }))).not.toContain('correct horse')
  })

  it('refuses one in an object without a prototype too', () => {
    const options: object = Object.assign(Object.create(null), { paralel: 2 })
    expect(misuse(() => use(options))).toContain('paralel')
  })

  it('takes no option at all', async () => {
    use({})
    await drain()
  })
})

describe('drain()', () => {
  it('refuses an option that does not exist', async () => {
    const options: object = { timeOut: 10 }
    const error = await rejection(drain(options))
    expect(
      misuse(() => {
        throw error
      }),
    ).toMatch(/^Cannot drain .*timeOut/)
  })
})

describe('Options that are null', () => {
  const none = null as unknown as object

  it.each<[string, string, () => unknown]>([
    ['new BackgroundTasks()', 'create the list', () => new BackgroundTasks([], none)],
    ['withBackgroundTasks()', 'wrap the handler', () => withBackgroundTasks(run, none)],
    ['provideBackgroundTasks()', 'wrap the handler', () => provideBackgroundTasks(run, none)],
    ['that of Hono', 'create the middleware', () => provideInHono(none)],
    [
      'BackgroundTasks.wrap()',
      'wrap the response',
      () => new BackgroundTasks().wrap(new Response(null), none),
    ],
    [
      'BackgroundTask.wrap()',
      'wrap the response',
      () => new BackgroundTask(run).wrap(new Response(null), none),
    ],
  ])('are refused, and not by the engine: %s', (_, verb, use) => {
    expect(misuse(use)).toBe(`Cannot ${verb}: the options are null, pass an object`)
  })
})

describe('An option that another place uses', () => {
  it('is ignored, so that one object serves a handler, a list, a task and a wrap', async () => {
    const held: unknown[] = []
    const shared: HandlerOptions & WrapOptions & BackgroundTasksOptions = {
      concurrency: 2,
      failure: 'continue',
      timeout: 1000,
      when: ['closed'],
      onError: () => {},
      limit: (start) => start(),
      waitUntil: (promise) => held.push(promise),
      unreadTimeout: 1000,
      deadline: false,
      completed: Promise.resolve(),
      request: new Request('http://localhost/'),
    }
    const called = vi.fn<() => void>()
    const tasks = new BackgroundTasks([], shared)
    tasks.addTask({ ...shared, name: 'listed', run: called })
    tasks.wrap(new Response('body'), shared)
    new BackgroundTask({ ...shared, run: called }).wrap(new Response('body'), shared)
    const handle = withBackgroundTasks((list) => {
      list.addTask(called)
      return new Response(null)
    }, shared)
    handle()
    provideBackgroundTasks(() => new Response(null), shared)()
    await drain()
    expect(called).toHaveBeenCalledTimes(3)
    expect(held).toHaveLength(4)
  })

  it('is checked where it is used: one that is wrong elsewhere harms nobody here', () => {
    expect(new BackgroundTasks([], { unreadTimeout: -1 } as object).tasks).toEqual([])
    expect(misuse(() => withBackgroundTasks(run, { unreadTimeout: -1 }), RangeError)).toContain(
      'unreadTimeout is -1',
    )
  })
})

describe('What is no plain object', () => {
  it('is a definition that keeps its fields and its this', async () => {
    class Job {
      readonly email: string
      readonly sent: string[] = []
      retries = 3
      constructor(email: string) {
        this.email = email
      }
      run(): void {
        this.sent.push(`${this.email} ${this.retries}`)
      }
    }
    const job = new Job('ada@example.com')
    const tasks = new BackgroundTasks([new BackgroundTask(job)])
    tasks.addTask(new Job('grace@example.com'))
    await tasks.run()
    expect(job.sent).toEqual(['ada@example.com 3'])
  })

  it('is a definition whose fields are private', async () => {
    class Job {
      #count = 0
      readonly timeout = 1000
      get count(): number {
        return this.#count
      }
      run(): void {
        this.#count += 1
      }
    }
    const job = new Job()
    await new BackgroundTask(job).run()
    expect(job.count).toBe(1)
  })

  it('is the context of a Worker, whose waitUntil is called on it', async () => {
    class ExecutionContext {
      readonly props = { user: 'ada' }
      readonly #held: unknown[] = []
      waitUntil(promise: unknown): void {
        this.#held.push(promise)
      }
      passThroughOnException(): void {}
      get held(): number {
        return this.#held.length
      }
    }
    const ctx = new ExecutionContext()
    const called = vi.fn<() => void>()
    await new BackgroundTasks([new BackgroundTask(called)]).wrap(new Response('body'), ctx).text()
    await drain()
    expect(ctx.held).toBe(1)
    expect(called).toHaveBeenCalledOnce()
  })

  it('are options that inherit from an object', () => {
    const options: BackgroundTasksOptions = Object.create({ concurrency: 2, note: 'mine' })
    expect(new BackgroundTasks([], options).tasks).toEqual([])
  })

  it('are options that are not enumerable', () => {
    const options = Object.defineProperty({}, 'note', { value: 'mine', enumerable: false })
    expect(new BackgroundTasks([], options).tasks).toEqual([])
  })
})

function* generate(): Generator<number> {
  yield 1
}

async function* generateLater(): AsyncGenerator<number> {
  yield 1
}

class Rows {
  *read(): Generator<number> {
    yield 1
  }
}

describe.each<[string, () => unknown]>([
  ['a generator function', generate],
  ['an async generator function', generateLater],
  ['a method that is one', new Rows().read],
  ['one that is bound', generate.bind(undefined)],
])('In the place of a task, %s', (_, fn) => {
  const kind = /^Cannot (add|defer) the (task|cleanup): .*generator function/

  it('is refused at the call, since calling it runs nothing', () => {
    expect(misuse(() => new BackgroundTask(fn))).toMatch(kind)
    expect(misuse(() => new BackgroundTasks().addTask(fn))).toMatch(kind)
    expect(misuse(() => new BackgroundTask({ run: fn }))).toMatch(kind)
    expect(misuse(() => new BackgroundTasks().addTask({ run: fn }))).toMatch(kind)
    expect(misuse(() => new BackgroundTasks().defer(fn))).toMatch(kind)
  })

  it('adds nothing to the list', () => {
    const tasks = new BackgroundTasks()
    misuse(() => tasks.addTask(fn))
    expect(tasks.tasks).toEqual([])
  })
})

describe('A function that returns a generator', () => {
  it('is a function, and its generator is not read', async () => {
    const seen: number[] = []
    const numbers = function* (): Generator<number> {
      seen.push(1)
      yield 1
    }
    const task = new BackgroundTask(() => numbers())
    await task.run()
    await turn()
    expect(task.status).toBe('fulfilled')
    expect(seen).toEqual([])
  })
})
