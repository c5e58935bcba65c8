import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, Hono, type MiddlewareHandler, type Next } from 'hono'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import * as door from '../src/context.ts'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import {
  BackgroundTask,
  BackgroundTasks,
  drain,
  instrument,
  type TaskContext,
  withBackgroundTasks,
} from '../src/index.ts'
import { exportedNames } from './support/exported-names.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { NodeResponse } from './support/node-response.ts'
import { watchReports } from './support/reports.ts'
import { newSource } from './support/source.ts'
import { turn } from './support/turn.ts'
import { newWitness } from './support/witness.ts'

watchReports()

/** Tasks that note their names. */
function newNotes(): { calls: string[]; task: (name: string) => BackgroundTask } {
  const calls: string[] = []
  return { calls, task: (name) => new BackgroundTask({ name, run: () => calls.push(name) }) }
}

describe('background-tasks/context', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('context', door)).toEqual({
      values: ['backgroundTasks', 'provideBackgroundTasks'],
      types: [],
    })
  })
})

describe('backgroundTasks()', () => {
  it('fails outside of a request, and says what to do', () => {
    expect(misuse(() => backgroundTasks(), Error)).toBe(
      'Cannot get the background tasks: no request is being handled, call it below a handler given to provideBackgroundTasks',
    )
  })

  it('is the same list everywhere below the handler', async () => {
    const lists: BackgroundTasks[] = []
    const handle = provideBackgroundTasks(async () => {
      lists.push(backgroundTasks())
      await turn()
      await Promise.all([1, 2].map(async () => lists.push(backgroundTasks())))
      return new Response(null)
    })
    await handle()
    expect(lists).toHaveLength(3)
    expect(new Set(lists).size).toBe(1)
  })

  it('is another list for another request, even at the same time', async () => {
    const gate = newGate()
    const lists: BackgroundTasks[] = []
    const handle = provideBackgroundTasks(async () => {
      const before = backgroundTasks()
      await gate.opened
      expect(backgroundTasks()).toBe(before)
      lists.push(before)
      return new Response(null)
    })
    const answers = [handle(), handle()]
    gate.open()
    await Promise.all(answers)
    expect(new Set(lists).size).toBe(2)
  })

  it('is the list of the task that runs', async () => {
    const lists: BackgroundTasks[] = []
    const note = (): unknown => lists.push(backgroundTasks())
    const nested = new BackgroundTasks()
    nested.addTask(note)
    const handle = provideBackgroundTasks(() => {
      lists.push(backgroundTasks())
      backgroundTasks().addTask(note)
      backgroundTasks().addTask(nested)
      backgroundTasks().defer(note)
      return new Response('body')
    })
    await (await handle()).text()
    await drain()
    expect(lists).toHaveLength(4)
    expect(new Set(lists).size).toBe(1)
  })

  it('takes tasks from a running task, and after the end', async () => {
    const { calls, task } = newNotes()
    const gate = newGate()
    const handle = provideBackgroundTasks(() => {
      backgroundTasks().addTask(() => void backgroundTasks().addTask(task('by a task')))
      void gate.opened.then(() => backgroundTasks().addTask(task('after the end')))
      return new Response('body')
    })
    await (await handle()).text()
    await drain()
    expect(calls).toEqual(['by a task'])
    gate.open()
    await turn()
    expect(calls).toEqual(['by a task', 'after the end'])
  })

  it('takes tasks while the body is being made', async () => {
    const { calls, task } = newNotes()
    const handle = provideBackgroundTasks(() => {
      const body = new ReadableStream(
        {
          async pull(controller) {
            await turn()
            backgroundTasks().addTask(task('while streaming'))
            controller.close()
          },
        },
        { highWaterMark: 1 },
      )
      return new Response(body)
    })
    await (await handle()).text()
    await drain()
    expect(calls).toEqual(['while streaming'])
  })

  it('fails again after the handler has returned, outside of it', async () => {
    const handle = provideBackgroundTasks(() => new Response(null))
    await handle()
    expect(() => backgroundTasks()).toThrow('no request is being handled')
  })
})

describe('provideBackgroundTasks()', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [{}, 'an object'],
    [Promise.resolve(), 'a promise'],
  ])('refuses %s in the place of a handler', (handler, kind) => {
    expect(misuse(() => provideBackgroundTasks(handler as () => void))).toBe(
      `Cannot wrap the handler: it is ${kind}, pass a function, or import provideBackgroundTasks from background-tasks/hono`,
    )
  })

  it.each<[string, (c: Context, next: Next) => unknown]>([
    ['waits for the rest', async (_, next) => void (await next())],
    ['returns what the rest is', (_, next) => next()],
    ['does nothing', () => undefined],
  ])('is no middleware of Hono: one that %s fails, and says what to import', async (_, handler) => {
    const task = new BackgroundTask(() => {})
    const provide: MiddlewareHandler = provideBackgroundTasks(handler as MiddlewareHandler)
    const app = new Hono().use(provide)
    app.get('/', (c) => {
      backgroundTasks().addTask(task)
      return c.text('answered')
    })
    app.onError(({ message }, c) => c.text(message, 500))
    const response = await app.request('/')
    expect([response.status, await response.text()]).toEqual([
      500,
      'Cannot wrap the response: the handler is a middleware of Hono and returns none, import provideBackgroundTasks from background-tasks/hono',
    ])
    if (task.status !== 'pending') expect(await task.finished).toMatchObject({ status: 'skipped' })
  })

  it('wraps a handler of Hono, and a middleware that answers', async () => {
    const { calls, task } = newNotes()
    const app = new Hono()
    app.get(
      '/',
      provideBackgroundTasks((c: Context) => {
        backgroundTasks().addTask(task('of the handler'))
        return c.text('answered')
      }),
    )
    app.get(
      '/stopped',
      provideBackgroundTasks(async (c: Context, _next: Next) => {
        backgroundTasks().addTask(task('of the middleware'))
        return c.text('no further', 403)
      }),
    )
    expect(await (await app.request('/')).text()).toBe('answered')
    expect(await (await app.request('/stopped')).text()).toBe('no further')
    await drain()
    expect(calls).toEqual(['of the handler', 'of the middleware'])
  })

  it('refuses options that are none', () => {
    expect(misuse(() => provideBackgroundTasks(() => {}, { onError: 1 as never }))).toBe(
      'Cannot create the list: onError is a number, pass a function',
    )
    expect(
      misuse(() => provideBackgroundTasks(() => {}, { concurrency: 0 }), RangeError),
    ).toContain('concurrency is 0')
    expect(misuse(() => provideBackgroundTasks(() => {}, { waitUntil: {} as never }))).toBe(
      'Cannot wrap the handler: waitUntil is an object, pass a function',
    )
  })

  it('keeps the signature of the handler', async () => {
    const handler = vi.fn<(request: Request, next: () => string) => string>((_, next) => next())
    const handle = provideBackgroundTasks(handler)
    const request = new Request('http://localhost/')
    expect(await handle(request, String)).toBe('')
    expect(handler).toHaveBeenCalledExactlyOnceWith(request, String)
    expect(handle).toHaveLength(Math.max(1, handler.length))
    expect(provideBackgroundTasks((_request: unknown, _next: unknown) => {})).toHaveLength(2)
    expect(provideBackgroundTasks(() => {})).toHaveLength(1)
  })

  it('wraps the response that it returns, or throws', async () => {
    const witnesses = [newWitness(), newWitness()]
    const handlers = [
      async (response: Response) => response,
      (response: Response) => Promise.reject(response),
    ]
    for (const [index, witness] of witnesses.entries()) {
      const handle = provideBackgroundTasks(async () => {
        backgroundTasks().addTask(witness.task)
        return await handlers[index]?.(new Response('body'))
      })
      const response: unknown = await handle().catch((thrown: unknown) => thrown)
      await turn()
      expect(witness.outcomes()).toEqual([])
      expect(response instanceof Response && (await response.text())).toBe('body')
      await turn()
      expect(witness.outcomes()).toEqual(['closed'])
    }
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('bug')
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
  ])('runs what asks for it when the handler %s', async (_, answer) => {
    const [usual, afterThrow] = [new BackgroundTask(() => {}), newWitness({ when: ['thrown'] })]
    const cleanup = vi.fn<() => void>()
    const handle = provideBackgroundTasks(() => {
      backgroundTasks().addTask(usual)
      backgroundTasks().addTask(afterThrow.task)
      backgroundTasks().defer(cleanup)
      return answer()
    })
    await expect(async () => await handle()).rejects.toThrow('bug')
    await turn()
    expect(usual.status).toBe('skipped')
    expect(afterThrow.contexts).toMatchObject([{ outcome: 'thrown', reason: { message: 'bug' } }])
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('shares the list of an outer provider, whose response decides', async () => {
    const { calls, task } = newNotes()
    const inner = provideBackgroundTasks(() => {
      backgroundTasks().addTask(task('inner'))
      return new Response('inner')
    })
    const lists: BackgroundTasks[] = []
    const outer = provideBackgroundTasks(async () => {
      lists.push(backgroundTasks())
      backgroundTasks().addTask(task('outer, before'))
      const text = await (await inner()).text()
      await turn()
      expect(calls).toEqual([])
      backgroundTasks().addTask(task('outer, after'))
      lists.push(backgroundTasks())
      return new Response(`outer of ${text}`)
    })
    const response = await outer()
    expect(await response.text()).toBe('outer of inner')
    await drain()
    expect(calls).toEqual(['outer, before', 'inner', 'outer, after'])
    expect(lists[0]).toBe(lists[1])
  })

  it('leaves the response of an inner handler as it is', async () => {
    const response = new Response('body')
    const inner = provideBackgroundTasks(() => response)
    const withList = withBackgroundTasks(() => response)
    const outer = provideBackgroundTasks(async () => {
      expect(await inner()).toBe(response)
      expect(await withList()).toBe(response)
      return new Response(null)
    })
    await outer()
  })

  it.each<[string, (response: Response) => Response | Promise<Response>]>([
    ['passes on', (response) => response],
    ['replaces', () => new Response('another')],
    ['buffers', async (response) => new Response(await response.text())],
    ['cancels', async (response) => (await response.body?.cancel(), new Response('another'))],
  ])(
    'runs the tasks of a response that a middleware %s, when the last one ends',
    async (_, middle) => {
      const { calls, task } = newNotes()
      const handler = withBackgroundTasks((tasks) => {
        tasks.addTask(task('handler'))
        return new BackgroundTask(() => calls.push('wrapped')).wrap(new Response('body'))
      })
      const outer = provideBackgroundTasks(async () => await middle(await handler()))
      const response = await outer()
      await turn()
      expect(calls).toEqual([])
      await response.text()
      await drain()
      expect(calls).toEqual(['wrapped', 'handler'])
    },
  )

  it('runs each list in its place, with its own options', async () => {
    const { calls, task } = newNotes()
    const errors: string[] = []
    const outer = provideBackgroundTasks(
      () => {
        backgroundTasks().addTask(task('first'))
        const own = new BackgroundTasks([], {
          failure: 'continue',
          onError: ({ message }) => errors.push(message),
        })
        own.addTask(function failing() {
          throw new Error('bug')
        })
        own.addTask(task('second'))
        const response = own.wrap(new Response('body'))
        backgroundTasks().addTask(task('third'))
        return response
      },
      { onError: () => errors.push('outer') },
    )
    await (await outer()).text()
    await drain()
    expect(calls).toEqual(['first', 'second', 'third'])
    expect(errors).toEqual(['Task failing failed: bug'])
  })

  it('joins a list, and runs what is added to that after its own end, in its own async context', async () => {
    const places = new AsyncLocalStorage<string>()
    const calls: unknown[] = []
    const note = (name: string) => () => calls.push([name, places.getStore()])
    const inner = new BackgroundTasks()
    inner.addTask(note('first'))
    // Otherwise the task would wait for what waits for it.
    const options = { concurrency: Infinity }
    const outer = provideBackgroundTasks(() => {
      const response = places.run('inner', () => inner.wrap(new Response('body')))
      backgroundTasks().addTask(async () => {
        for (const name of ['again', 'and again']) {
          await inner.finished
          inner.addTask(note(name))
        }
      })
      return response
    }, options)
    await outer().text()
    await drain()
    expect(calls).toEqual([
      ['first', 'inner'],
      ['again', 'inner'],
      ['and again', 'inner'],
    ])
    expect(await inner.finished).toHaveLength(3)
  })

  it('joins a list whose handler threw, and knows that it did', async () => {
    const outcomes: unknown[] = []
    const note = ({ outcome, reason }: TaskContext): unknown => outcomes.push([outcome, reason])
    const bug = new Error('bug')
    const inner = withBackgroundTasks((tasks): never => {
      tasks.addTask({ run: note, when: ['thrown'] })
      tasks.addTask({ run: note })
      throw bug
    })
    const outer = provideBackgroundTasks(async () => {
      backgroundTasks().addTask({ run: note })
      expect(inner).toThrow(bug)
      return new Response('sorry')
    })
    await (await outer()).text()
    await drain()
    expect(outcomes).toEqual([
      ['closed', undefined],
      ['thrown', bug],
    ])
  })

  it('makes a list of its own for a request that a task or a timer starts after the end', async () => {
    const { calls, task } = newNotes()
    const gate = newGate()
    const inner = provideBackgroundTasks(() => {
      backgroundTasks().addTask(task('of the later request'))
      return new Response('body')
    })
    let later: Promise<Response> | undefined
    const outer = provideBackgroundTasks(() => {
      later = gate.opened.then(() => inner())
      return new Response(null)
    })
    await outer()
    await turn()
    gate.open()
    const response = await later
    await turn()
    expect(calls).toEqual([])
    await response?.text()
    await turn()
    expect(calls).toEqual(['of the later request'])
  })

  it.each<[string, (task: BackgroundTask) => Response | Promise<Response>]>([
    ['a wrap', (task) => task.wrap(new Response('body'))],
    [
      'a handler',
      withBackgroundTasks((tasks, task: BackgroundTask) => {
        tasks.addTask(task)
        return new Response('body')
      }),
    ],
    [
      'a handler with a provider',
      provideBackgroundTasks(async (task: BackgroundTask) => {
        backgroundTasks().addTask(task)
        await turn()
        return new Response('body')
      }),
    ],
  ])(
    'leaves %s to itself that comes after the end, though nothing was added',
    async (_, answer) => {
      const { calls, task } = newNotes()
      const gate = newGate()
      const res = new NodeResponse()
      let later: Promise<void> | undefined
      const outer = provideBackgroundTasks((_request: Request, _context: object) => {
        later = gate.opened.then(async () => {
          const response = await answer(task('of the later response'))
          await turn()
          expect(calls).toEqual([])
          await response.text()
          await turn()
          backgroundTasks().addTask(task('of the first response'))
        })
        return new Response(null)
      })
      outer(new Request('http://localhost/'), { res })
      res.finish()
      await turn()
      gate.open()
      await later
      await drain()
      expect(calls).toEqual(['of the later response', 'of the first response'])
    },
  )

  it('runs the tasks of a request that a running task makes, after that task', async () => {
    const { calls, task } = newNotes()
    const other = withBackgroundTasks((tasks) => {
      tasks.addTask(task('of the inner request'))
      return new Response('inner')
    })
    const outer = provideBackgroundTasks(() => {
      backgroundTasks().addTask(async () => {
        calls.push(await (await other()).text())
      })
      return new Response(null)
    })
    await outer()
    await drain()
    expect(calls).toEqual(['inner', 'of the inner request'])
  })

  it('keeps the context of an instrument around the list', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    onTestFinished(instrument((_task, run) => storage.run('of the span', run)))
    const outer = provideBackgroundTasks(() => {
      backgroundTasks().addTask(() => seen.push(storage.getStore(), backgroundTasks()))
      seen.push(backgroundTasks())
      return new Response(null)
    })
    await outer()
    await drain()
    expect(seen[1]).toBe('of the span')
    expect(seen[2]).toBe(seen[0])
  })

  it('knows how the response has ended', async () => {
    const witness = newWitness()
    const source = newSource()
    const handle = provideBackgroundTasks(() => {
      backgroundTasks().addTask(witness.task)
      return source.response
    })
    const response = await handle()
    await response.body?.cancel('gone')
    await turn()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
    expect(source.cancels()).toEqual(['gone'])
  })

  it('can be provided by another copy of the package', async () => {
    vi.resetModules()
    const copy = await import('../src/context.ts')
    const { calls, task } = newNotes()
    const outer = copy.provideBackgroundTasks(() => {
      copy.backgroundTasks().addTask(() => calls.push('of the copy'))
      expect(backgroundTasks()).toBe(copy.backgroundTasks())
      return task('joined').wrap(new Response('body'))
    })
    const response = await outer()
    await turn()
    expect(calls).toEqual([])
    await response.text()
    await drain()
    expect(calls).toEqual(['of the copy', 'joined'])
  })
})
