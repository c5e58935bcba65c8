import { describe, expect, it, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import { BackgroundTask, type BackgroundTasks, drain, withBackgroundTasks } from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { NodeResponse } from './support/node-response.ts'
import { watchReports } from './support/reports.ts'
import { newThenable } from './support/thenable.ts'
import { microtasks, turn } from './support/turn.ts'
import { newWitness } from './support/witness.ts'

watchReports()

type Way = <Result>(handler: (tasks: BackgroundTasks) => Result) => () => Result

const ways: [string, Way][] = [
  ['withBackgroundTasks()', (handler) => withBackgroundTasks(handler)],
  [
    'provideBackgroundTasks()',
    (handler) => provideBackgroundTasks(() => handler(backgroundTasks())),
  ],
]

/** What the function throws. */
function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return expect.fail('It did not throw')
}

describe.each(ways)('A handler in %s that returns at once', (_, give) => {
  it('returns the response itself, and the tasks run after that', async () => {
    const witness = newWitness()
    const handle = give((tasks) => {
      tasks.addTask(witness.task)
      return new Response('body', { status: 201 })
    })
    const response = handle()
    expect(response).toBeInstanceOf(Response)
    expect(response.status).toBe(201)
    await turn()
    expect(witness.outcomes()).toEqual([])
    expect(await response.text()).toBe('body')
    await drain()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it.each([['text'], [undefined], [null], [{ status: 200 }], [0]])(
    'returns what is no response: %j',
    async (answer) => {
      const witness = newWitness()
      const handle = give((tasks) => {
        tasks.addTask(witness.task)
        return answer
      })
      expect(handle()).toBe(answer)
      await drain()
      expect(witness.outcomes()).toEqual(['closed'])
    },
  )

  it('starts no task before it has returned, nor in the same turn', async () => {
    const calls: string[] = []
    const handle = give((tasks) => {
      tasks.addTask(() => calls.push('task'))
      calls.push('handler')
      return new Response(null, { status: 204 })
    })
    handle()
    calls.push('returned')
    await microtasks()
    calls.push('microtasks')
    await drain()
    expect(calls).toEqual(['handler', 'returned', 'microtasks', 'task'])
  })

  it('throws at once what it throws', async () => {
    const bug = new Error('bug')
    const [usual, thrown] = [new BackgroundTask(() => {}), newWitness({ when: ['thrown'] })]
    const cleanup = vi.fn<() => void>()
    const handle = give((tasks): Response => {
      tasks.addTask(usual)
      tasks.addTask(thrown.task)
      tasks.defer(cleanup)
      throw bug
    })
    expect(thrownBy(handle)).toBe(bug)
    await drain()
    expect(usual.status).toBe('skipped')
    expect(thrown.contexts).toMatchObject([{ outcome: 'thrown', reason: bug }])
    expect(cleanup).toHaveBeenCalledOnce()
  })

  it('throws at once a response that it throws, wrapped', async () => {
    const witness = newWitness()
    const handle = give((tasks): Response => {
      tasks.addTask(witness.task)
      throw new Response('not found', { status: 404 })
    })
    const response = thrownBy(handle)
    await turn()
    expect(witness.outcomes()).toEqual([])
    expect(response instanceof Response && (await response.text())).toBe('not found')
    await drain()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('throws at once when its response is read already', async () => {
    const used = new Response('used')
    await used.text()
    const witness = newWitness({ when: ['thrown'] })
    const handle = give((tasks) => {
      tasks.addTask(witness.task)
      return used
    })
    expect(handle).toThrow(/^Cannot wrap the response: its body is already read/)
    await drain()
    expect(witness.outcomes()).toEqual(['thrown'])
  })
})

describe.each(ways)('A handler in %s that returns a promise', (_, give) => {
  it('returns a promise of the response', async () => {
    const witness = newWitness()
    const handle = give(async (tasks) => {
      tasks.addTask(witness.task)
      return new Response('body')
    })
    const promise = handle()
    expect(promise).toBeInstanceOf(Promise)
    expect(await (await promise).text()).toBe('body')
    await drain()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('rejects with what it rejects with, and throws nothing', async () => {
    const bug = new Error('bug')
    const promise = give((): Promise<Response> => Promise.reject(bug))()
    await expect(promise).rejects.toBe(bug)
    await drain()
  })

  it('may return what is no promise but can be waited for', async () => {
    const witness = newWitness()
    const gate = newGate()
    const handle = give((tasks) => {
      tasks.addTask(witness.task)
      return newThenable((resolve) => void gate.opened.then(() => resolve(new Response('body'))))
    })
    const answer = handle()
    await turn()
    expect(witness.outcomes()).toEqual([])
    gate.open()
    const response: unknown = await answer
    expect(response instanceof Response && (await response.text())).toBe('body')
    await drain()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('The this of a handler', () => {
  const server = { name: 'server' }

  it('is that with which the host calls it: withBackgroundTasks()', () => {
    const seen: unknown[] = []
    const handle = withBackgroundTasks(function (this: unknown, _tasks) {
      seen.push(this)
      return new Response(null)
    })
    Reflect.apply(handle, server, [])
    expect(seen).toEqual([server])
    expect(seen[0]).toBe(server)
  })

  it('is that with which the host calls it: provideBackgroundTasks()', () => {
    const seen: unknown[] = []
    const handle = provideBackgroundTasks(function (this: unknown) {
      seen.push(this)
      return new Response(null)
    })
    Reflect.apply(handle, server, [])
    Reflect.apply(
      provideBackgroundTasks(() => Reflect.apply(handle, server, [])),
      undefined,
      [],
    )
    expect(seen).toHaveLength(2)
    for (const given of seen) expect(given).toBe(server)
  })

  it('is passed to an async handler, and to a method of a class', async () => {
    class Controller {
      readonly greeting = 'hello'
      async answer(_tasks: BackgroundTasks): Promise<string> {
        await turn()
        return this.greeting
      }
    }
    const controller = new Controller()
    const handle = withBackgroundTasks(Reflect.get(controller, 'answer'))
    expect(await Reflect.apply(handle, controller, [])).toBe('hello')
  })
})

describe('A handler that returns at once, on a Node response', () => {
  it('returns the very response, whose body nobody has touched', async () => {
    const res = new NodeResponse()
    const answer = new Response('body')
    const witness = newWitness()
    const handle = withBackgroundTasks((tasks, _request: Request, _context: object) => {
      tasks.addTask(witness.task)
      return answer
    })
    expect(handle(new Request('http://localhost/'), { res })).toBe(answer)
    expect(answer.bodyUsed).toBe(false)
    res.finish()
    await drain()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('A handler below a provider', () => {
  it('returns its own response at once, which nobody has touched', async () => {
    const answer = new Response('body')
    const inner = withBackgroundTasks(() => answer)
    const provided = provideBackgroundTasks(() => answer)
    const seen: unknown[] = []
    const outer = provideBackgroundTasks(() => {
      seen.push(inner(), provided())
      return new Response(null)
    })
    outer()
    expect(seen[0]).toBe(answer)
    expect(seen[1]).toBe(answer)
    await drain()
  })
})
