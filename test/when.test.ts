import { HTTPException } from 'hono/http-exception'
import { describe, expect, it, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  type BackgroundTaskError,
  BackgroundTasks,
  type BackgroundTasksOptions,
  drain,
  type ResponseEnd,
  type When,
  withBackgroundTasks,
} from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { nextFallback, nextRedirect } from './support/next-thrown.ts'
import { watchReports } from './support/reports.ts'
import { newThenable } from './support/thenable.ts'
import { turn } from './support/turn.ts'
import { everyOutcome, newWitness } from './support/witness.ts'

watchReports()

type Predicate = Extract<When, (end: ResponseEnd) => boolean>

const yes: Predicate = () => true
const no: Predicate = () => false

/** Tasks that note their names. */
function newNotes(): {
  calls: string[]
  task: (name: string, options?: { when?: When }) => BackgroundTask
} {
  const calls: string[] = []
  return {
    calls,
    task: (name, options) => new BackgroundTask({ ...options, name, run: () => calls.push(name) }),
  }
}

describe('A predicate as when', () => {
  it('runs the task, or skips it', async () => {
    const { calls, task } = newNotes()
    const tasks = new BackgroundTasks([task('yes', { when: yes }), task('no', { when: no })])
    await tasks.wrap(new Response('body')).text()
    const results = await tasks.finished
    expect(calls).toEqual(['yes'])
    expect(results[1]).toEqual({ name: 'no', status: 'skipped', outcome: 'closed', duration: 0 })
  })

  it('is asked once, when the turn of the task has come', async () => {
    const gate = newGate()
    const when = vi.fn<Predicate>(() => true)
    const tasks = new BackgroundTasks()
    tasks.addTask(() => gate.opened)
    const asking = tasks.addTask({ run: () => {}, when })
    await tasks.wrap(new Response('body')).text()
    await turn()
    expect(when).not.toHaveBeenCalled()
    gate.open()
    await tasks.finished
    expect(asking.status).toBe('fulfilled')
    expect(when).toHaveBeenCalledOnce()
  })

  it('of a list is asked once for each of its tasks, with what they are told', async () => {
    const when = vi.fn<Predicate>(() => true)
    const witnesses = [newWitness(), newWitness()].map(({ contexts }) => contexts)
    const tasks = new BackgroundTasks([], { when })
    const told: ResponseEnd[] = []
    for (const _ of witnesses) tasks.addTask({ run: (context) => told.push(context) })
    await tasks.wrap(new Response('body', { status: 201 })).body?.cancel('gone')
    await tasks.finished
    expect(when).toHaveBeenCalledTimes(2)
    const expected = { outcome: 'cancelled', reason: 'gone', response: { status: 201, ok: true } }
    for (const end of [...told, ...when.mock.calls.flat()]) expect(end).toMatchObject(expected)
  })

  it('is asked for a handler that threw too, unlike the default', async () => {
    const { calls, task } = newNotes()
    const bug = new Error('bug')
    const when = vi.fn<Predicate>(() => true)
    const handle = withBackgroundTasks((tasks): never => {
      tasks.addTask(task('asked', { when }))
      tasks.addTask(task('default'))
      throw bug
    })
    expect(() => handle()).toThrow(bug)
    await drain()
    expect(calls).toEqual(['asked'])
    expect(when).toHaveBeenCalledOnce()
    expect(when.mock.lastCall?.[0]).toMatchObject({ outcome: 'thrown', reason: bug })
    expect(when.mock.lastCall?.[0].response).toBeUndefined()
  })

  it('is not asked for a task that was cancelled, or is skipped after a failure', async () => {
    const when = vi.fn<Predicate>(() => true)
    const { task } = newNotes()
    const cancelled = task('cancelled', { when })
    const failing = new BackgroundTask(() => Promise.reject(new Error('bug')))
    const tasks = new BackgroundTasks([cancelled, failing, task('next', { when })], {
      onError: () => {},
    })
    cancelled.cancel()
    await tasks.wrap(new Response('body')).text()
    await tasks.finished
    expect(when).not.toHaveBeenCalled()
  })

  it('is asked for a task alone, wrapped or run', async () => {
    const { calls, task } = newNotes()
    const ends: ResponseEnd[] = []
    const when: Predicate = (end) => ends.push(end) > 1
    await task('run', { when }).run()
    const wrapped = task('wrapped', { when })
    await wrapped.wrap(new Response('body')).text()
    await wrapped.finished
    expect(calls).toEqual(['wrapped'])
    expect(ends).toMatchObject([{ outcome: 'closed' }, { outcome: 'closed' }])
  })

  const lists: [string, BackgroundTasksOptions, { when?: When }, boolean][] = [
    ["the list's yes", { when: yes }, {}, true],
    ["the list's no", { when: no }, {}, false],
    ["a task's yes and not the list's no", { when: no }, { when: yes }, true],
    ["a task's no and not the list's yes", { when: yes }, { when: no }, false],
    ["a task's outcomes and not the list's no", { when: no }, { when: ['closed'] }, true],
    ["a task's yes and not the list's outcomes", { when: ['errored'] }, { when: yes }, true],
  ]
  it.each(lists)('counts alone: %s', async (_, list, own, runs) => {
    const { calls, task } = newNotes()
    await new BackgroundTasks([task('task', own)], list).run()
    expect(calls).toEqual(runs ? ['task'] : [])
  })

  const nested: [string, BackgroundTasksOptions, BackgroundTasksOptions, boolean][] = [
    ['that of the list around it where it has none', { when: no }, {}, false],
    ['its own and not that of the list around it', { when: no }, { when: yes }, true],
    ['its own no and not the yes around it', { when: yes }, { when: no }, false],
    ['its own outcomes and not the no around it', { when: no }, { when: ['closed'] }, true],
  ]
  it.each(nested)('in a list in a list is %s', async (_, outer, inner, runs) => {
    const { calls, task } = newNotes()
    const list = new BackgroundTasks([new BackgroundTasks([task('task')], inner)], outer)
    await list.run()
    expect(calls).toEqual(runs ? ['task'] : [])
  })

  it('lets the cleanups run, whatever it says', async () => {
    const cleanup = vi.fn<() => void>()
    const when = vi.fn<Predicate>(() => false)
    const tasks = new BackgroundTasks([], { when })
    tasks.defer(cleanup)
    await tasks.run()
    expect(cleanup).toHaveBeenCalledOnce()
    expect(when).not.toHaveBeenCalled()
  })

  const broken: [string, Predicate, unknown][] = [
    [
      'throws',
      () => {
        throw new RangeError('bug of the predicate')
      },
      { name: 'RangeError', message: 'bug of the predicate' },
    ],
    ['returns a promise', (() => Promise.resolve(true)) as never, { name: 'TypeError' }],
    [
      'returns one that rejects',
      (() => Promise.reject(new Error())) as never,
      { name: 'TypeError' },
    ],
    [
      'returns a thenable',
      (() => newThenable((resolve) => resolve(true))) as never,
      { name: 'TypeError' },
    ],
  ]
  it.each(broken)('fails the task when it %s', async (_, when, cause) => {
    const { calls, task } = newNotes()
    const onError = vi.fn<(error: BackgroundTaskError) => void>()
    const tasks = new BackgroundTasks([task('broken', { when }), task('next')], { onError })
    await tasks.wrap(new Response('body')).text()
    expect(await tasks.finished).toMatchObject([
      { name: 'broken', status: 'rejected', outcome: 'closed', error: cause },
      { name: 'next', status: 'skipped' },
    ])
    expect(onError).toHaveBeenCalledOnce()
    expect(onError.mock.lastCall?.[0]).toMatchObject({ task: 'broken', skipped: ['next'], cause })
    expect(calls).toEqual([])
  })

  it('that returns a promise is told what to do', async () => {
    const when = (async () => true) as never
    const task = new BackgroundTask({ name: 'send', run: () => {}, when })
    await new BackgroundTasks([task], { onError: () => {} }).run().catch(() => {})
    const { error } = await task.finished
    expect(
      misuse(() => {
        throw error
      }),
    ).toMatch(/^Cannot run .*when.* promise/)
  })

  it.each<[unknown]>([[5], [null], [{}], [['closed', 'ended']]])('is refused as %s', (when) => {
    const options = { when } as BackgroundTasksOptions
    expect(misuse(() => new BackgroundTasks([], options))).toMatch(/^Cannot create the list: when /)
    expect(misuse(() => new BackgroundTasks().addTask({ run: () => {}, ...options }))).toMatch(
      /^Cannot add the task: /,
    )
  })
})

/** The response that a task is told of, below `wrap`. */
async function toldOf(wrap: (task: BackgroundTask) => unknown): Promise<ResponseEnd['response']> {
  const witness = newWitness()
  await wrap(witness.task)
  await drain()
  expect(witness.outcomes()).toHaveLength(1)
  return witness.contexts[0]?.response
}

describe('The response that a task is told of', () => {
  const headers = { 'x-key': 'value' }

  it.each<[string, (task: BackgroundTask) => unknown]>([
    ['a body', (task) => task.wrap(new Response('body', { status: 201, headers })).text()],
    ['no body', (task) => task.wrap(new Response(null, { status: 201, headers }))],
    [
      'a HEAD',
      (task) =>
        task.wrap(new Response('body', { status: 201, headers }), {
          request: new Request('http://localhost/', { method: 'HEAD' }),
        }),
    ],
    [
      'a signal of the host',
      (task) =>
        task.wrap(new Response('body', { status: 201, headers }), { completed: Promise.resolve() }),
    ],
    [
      'a client that leaves',
      (task) => task.wrap(new Response('body', { status: 201, headers })).body?.cancel(),
    ],
    [
      'withBackgroundTasks',
      (task) =>
        withBackgroundTasks((tasks) => {
          tasks.addTask(task)
          return new Response('body', { status: 201, headers })
        })().text(),
    ],
    [
      'an async handler below provideBackgroundTasks',
      async (task) => {
        const handle = provideBackgroundTasks(async () => {
          backgroundTasks().addTask(task)
          return new Response('body', { status: 201, headers })
        })
        await (await handle()).text()
      },
    ],
  ])('is the head of what was answered: %s', async (_, wrap) => {
    const response = await toldOf(wrap)
    expect(response).toMatchObject({ status: 201, ok: true })
    expect(response?.headers.get('x-key')).toBe('value')
  })

  it('has ok as a Response has it', async () => {
    const response = await toldOf((task) => task.wrap(new Response(null, { status: 404 })))
    expect(response).toMatchObject({ status: 404, ok: false })
  })

  it.each<[string, (task: BackgroundTask) => unknown]>([
    ['run() of a task', (task) => task.run()],
    ['run() of a list', (task) => new BackgroundTasks([task]).run()],
    [
      'an answer that is no Response',
      (task) =>
        withBackgroundTasks((tasks) => {
          tasks.addTask(task)
          return { loaded: true }
        })(),
    ],
    [
      'a handler that throws an error',
      (task) =>
        withBackgroundTasks(async (tasks) => {
          tasks.addTask(task)
          throw new Error('bug')
        })().catch(() => {}),
    ],
  ])('is undefined for %s', async (_, wrap) => {
    expect(await toldOf(wrap)).toBeUndefined()
  })

  it('is the outermost one for a list that joins', async () => {
    const [joined, own] = [newWitness(), newWitness()]
    const handle = provideBackgroundTasks(() => {
      backgroundTasks().addTask(own.task)
      const inner = joined.task.wrap(new Response('inner', { status: 201 }))
      return new Response(inner.body, { status: 299 })
    })
    await handle().text()
    await drain()
    expect(joined.contexts).toMatchObject([{ response: { status: 299 } }])
    expect(own.contexts).toMatchObject([{ response: { status: 299 } }])
  })

  it('is the one that each wrap was given where two wrap', async () => {
    const [inner, outer] = [newWitness(), newWitness()]
    const response = inner.task.wrap(new Response('body', { status: 201 }))
    await outer.task.wrap(new Response(response.body, { status: 299 })).text()
    await drain()
    expect(inner.contexts).toMatchObject([{ response: { status: 201 } }])
    expect(outer.contexts).toMatchObject([{ response: { status: 299 } }])
  })

  it('is the same for a task that is added after the end', async () => {
    const tasks = new BackgroundTasks()
    await tasks.wrap(new Response('body', { status: 201 })).text()
    await drain()
    const late = newWitness()
    tasks.addTask(late.task)
    await late.task.finished
    expect(late.contexts).toMatchObject([{ response: { status: 201 } }])
  })

  it('is read only when it is asked for', async () => {
    const seen: string[] = []
    class Watched extends Response {
      override get headers(): Headers {
        seen.push('headers')
        return super.headers
      }
      override get status(): number {
        seen.push('status')
        return super.status
      }
      override get ok(): boolean {
        seen.push('ok')
        return super.ok
      }
    }
    const asking = newWitness()
    const wrap = (task: BackgroundTask): void => {
      task.wrap(new Watched('body', { headers }), { completed: Promise.resolve() })
    }
    wrap(newWitness().task)
    await drain()
    const before = seen.splice(0)
    wrap(asking.task)
    await drain()
    expect(seen.splice(0)).toEqual(before)
    expect(before).not.toContain('headers')
    expect(asking.contexts[0]?.response?.status).toBe(200)
    expect(seen).toContain('status')
    expect(seen).not.toContain('headers')
  })
})

/** As SvelteKit throws it: no Error. */
class SvelteKitRedirect {
  readonly status: number
  readonly location: string
  constructor(status: number, location: string) {
    this.status = status
    this.location = location
  }
}

/** As SvelteKit's `error()` throws it: no Error either. */
class SvelteKitError {
  readonly status = 404
  readonly body = { message: 'not found' }
}

/** What the function throws. */
const success: Predicate = ({ outcome, response }) =>
  outcome !== 'thrown' && (response?.status ?? 200) < 400

interface Thrown {
  readonly name: string
  readonly thrown: unknown
  readonly status: number | undefined
  readonly isAnswer: boolean
  readonly isSuccess: boolean
}

const table: Thrown[] = [
  {
    name: 'a Response',
    thrown: new Response(null, { status: 302, headers: { location: '/' } }),
    status: 302,
    isAnswer: true,
    isSuccess: true,
  },
  {
    name: 'a Response of an error',
    thrown: new Response(null, { status: 404 }),
    status: 404,
    isAnswer: true,
    isSuccess: false,
  },
  {
    name: "Next's redirect()",
    thrown: nextRedirect('/home?a;b', 307),
    status: 307,
    isAnswer: true,
    isSuccess: true,
  },
  {
    name: "Next's permanentRedirect()",
    thrown: nextRedirect('/home', 308),
    status: 308,
    isAnswer: true,
    isSuccess: true,
  },
  {
    name: "Next's notFound()",
    thrown: nextFallback(404),
    status: 404,
    isAnswer: true,
    isSuccess: false,
  },
  {
    name: "Next's unauthorized()",
    thrown: nextFallback(401),
    status: 401,
    isAnswer: true,
    isSuccess: false,
  },
  {
    name: "SvelteKit's redirect()",
    thrown: new SvelteKitRedirect(303, '/home'),
    status: 303,
    isAnswer: true,
    isSuccess: true,
  },
  {
    name: "SvelteKit's error()",
    thrown: new SvelteKitError(),
    status: undefined,
    isAnswer: false,
    isSuccess: false,
  },
  {
    name: "Hono's HTTPException",
    thrown: new HTTPException(403),
    status: undefined,
    isAnswer: false,
    isSuccess: false,
  },
  {
    name: 'an Error',
    thrown: new Error('bug'),
    status: undefined,
    isAnswer: false,
    isSuccess: false,
  },
  {
    name: 'an Error with a digest of its own',
    thrown: Object.assign(new Error('bug'), { digest: '4175212541' }),
    status: undefined,
    isAnswer: false,
    isSuccess: false,
  },
  {
    name: 'an Error with a status and a location',
    thrown: Object.assign(new Error('bug'), { status: 500, location: 'app.ts:1' }),
    status: undefined,
    isAnswer: false,
    isSuccess: false,
  },
  { name: 'a string', thrown: 'bug', status: undefined, isAnswer: false, isSuccess: false },
  { name: 'undefined', thrown: undefined, status: undefined, isAnswer: false, isSuccess: false },
]

const ways: [string, (add: (tasks: BackgroundTasks) => void, thrown: unknown) => unknown][] = [
  [
    'withBackgroundTasks, sync',
    (add, thrown) =>
      withBackgroundTasks((tasks) => {
        add(tasks)
        throw thrown
      })(),
  ],
  [
    'withBackgroundTasks, async',
    (add, thrown) =>
      withBackgroundTasks(async (tasks) => {
        add(tasks)
        throw thrown
      })(),
  ],
  [
    'provideBackgroundTasks, sync',
    (add, thrown) =>
      provideBackgroundTasks(() => {
        add(backgroundTasks())
        throw thrown
      })(),
  ],
  [
    'provideBackgroundTasks, async',
    (add, thrown) =>
      provideBackgroundTasks(async () => {
        add(backgroundTasks())
        throw thrown
      })(),
  ],
]

describe.each(ways)('What a handler throws: %s', (_, handle) => {
  it.each(table)('$name', async ({ thrown, status, isAnswer, isSuccess }) => {
    const all = newWitness()
    const usual = new BackgroundTask(() => {})
    const afterSuccess = new BackgroundTask({ run: () => {}, when: success })
    const cleanup = vi.fn<() => void>()
    const rethrown: unknown = await Promise.resolve()
      .then(() =>
        handle((tasks) => {
          tasks.addTask(all.task)
          tasks.addTask(usual)
          tasks.addTask(afterSuccess)
          tasks.defer(cleanup)
        }, thrown),
      )
      .then(
        () => expect.fail('It did not throw'),
        (error: unknown) => error,
      )
    // What it threw itself, a response without a body too.
    expect(rethrown).toBe(thrown)
    await drain()
    expect(all.outcomes()).toEqual([isAnswer ? 'closed' : 'thrown'])
    expect(all.contexts[0]?.response?.status).toBe(status)
    expect(all.contexts[0]?.reason).toBe(isAnswer ? undefined : thrown)
    expect(usual.status).toBe(isAnswer ? 'fulfilled' : 'skipped')
    expect(afterSuccess.status).toBe(isSuccess ? 'fulfilled' : 'skipped')
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('a Response with a body, which is wrapped', async () => {
    const witness = newWitness({ when: everyOutcome })
    const thrown: unknown = await Promise.resolve()
      .then(() =>
        handle(
          (tasks) => void tasks.addTask(witness.task),
          new Response('not found', { status: 404 }),
        ),
      )
      .catch((error: unknown) => error)
    await turn()
    expect(witness.outcomes()).toEqual([])
    expect(thrown instanceof Response && (await thrown.text())).toBe('not found')
    await drain()
    expect(witness.contexts).toMatchObject([{ outcome: 'closed', response: { status: 404 } }])
  })
})

describe('Only after a success', () => {
  it.each([
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [500, false],
  ])('an answer of %i', async (status, runs) => {
    const { calls, task } = newNotes()
    const tasks = new BackgroundTasks([task('task')], { when: success })
    tasks.wrap(new Response(null, { status }))
    await drain()
    expect(calls).toEqual(runs ? ['task'] : [])
  })

  it('the answer of a server action, which is no Response', async () => {
    const { calls, task } = newNotes()
    const action = withBackgroundTasks(
      (tasks) => {
        tasks.addTask(task('task'))
        return { saved: true }
      },
      { when: success },
    )
    action()
    await drain()
    expect(calls).toEqual(['task'])
  })
})
