import { describe, expect, it } from 'vitest'
import { provideBackgroundTasks } from '../../src/context.ts'
import {
  BackgroundTask,
  BackgroundTasks,
  withBackgroundTasks,
  type WrapOptions,
} from '../../src/index.ts'
import { inside } from '../../src/tasks/item.ts'
import { registry } from '../../src/tasks/registry.ts'
import { countIn, joinRequest, requestList, waitUntilOf } from '../../src/tasks/wrap.ts'
import { ForeignResponse } from '../support/foreign-response.ts'
import { newGate } from '../support/gate.ts'
import { loadOn } from '../support/load-on.ts'
import { misuse } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { newThenable } from '../support/thenable.ts'
import { turn } from '../support/turn.ts'
import { newWitness } from '../support/witness.ts'

watchReports()

function tooLate(): never {
  throw new Error('too late')
}

describe('wrap()', () => {
  const wraps: [string, (response: unknown, options?: WrapOptions) => Response][] = [
    [
      'BackgroundTask',
      (response, options) => new BackgroundTask(() => {}).wrap(response as Response, options),
    ],
    [
      'BackgroundTasks',
      (response, options) => new BackgroundTasks().wrap(response as Response, options),
    ],
  ]

  describe.each(wraps)('of %s', (_, wrap) => {
    it.each<[unknown, string]>([
      [undefined, 'undefined'],
      [null, 'null'],
      ['text', 'a string'],
      [{ status: 200, headers: {}, body: 'text' }, 'an object'],
      [Promise.resolve(new Response('body')), 'a promise'],
      [() => new Response('body'), 'a function'],
    ])('refuses %s in the place of a response', (response, kind) => {
      expect(misuse(() => wrap(response))).toBe(
        `Cannot wrap the response: it is ${kind}, pass the Response of the handler`,
      )
    })

    it.each<[string, object, string]>([
      ['waitUntil', { waitUntil: Promise.resolve() }, 'waitUntil is a promise, pass a function'],
      ['waitUntil', { waitUntil: null }, 'waitUntil is null, pass a function'],
      ['waitUntil', { waitUntil: {} }, 'waitUntil is an object, pass a function'],
      ['completed', { completed: () => {} }, 'completed is a function, pass a promise'],
      ['completed', { completed: null }, 'completed is null, pass a promise'],
      ['completed', { completed: true }, 'completed is a boolean, pass a promise'],
    ])('refuses a %s that is none', (_name, options, message) => {
      expect(misuse(() => wrap(new Response('body'), options))).toBe(
        `Cannot wrap the response: ${message}`,
      )
    })

    it.each<[string, unknown, string]>([
      ['null', null, 'the options are null, pass an object'],
      ['a function', () => {}, 'the options are a function, pass an object'],
      [
        'the request itself',
        new Request('http://localhost/'),
        'the options are a request, pass { request }',
      ],
      ['a request that is none', { request: 'GET' }, 'request is a string, pass the Request'],
      ['a request that is null', { request: null }, 'request is null, pass the Request'],
    ])('refuses options that are %s', (_name, options, message) => {
      expect(misuse(() => wrap(new Response('body'), options as WrapOptions))).toContain(
        `Cannot wrap the response: ${message}`,
      )
    })

    it('keeps the response though waitUntil throws, and prints that', async () => {
      expect(await wrap(new Response('body'), { waitUntil: tooLate }).text()).toBe('body')
      await turn()
      expect(takePrinted()).toMatchObject([[{ cause: { message: 'too late' } }]])
    })

    it.each<[unknown, string]>([
      [0, '0'],
      [-1, '-1'],
      ['10', 'a string'],
    ])('refuses an unreadTimeout of %s', (unreadTimeout, shown) => {
      expect(
        misuse(
          () => wrap(new Response('body'), { unreadTimeout: unreadTimeout as number }),
          RangeError,
        ),
      ).toBe(`Cannot wrap the response: unreadTimeout is ${shown}, pass milliseconds above 0`)
    })
  })

  it('wraps the response of another implementation', async () => {
    const witness = newWitness()
    const foreign = new ForeignResponse('body', { status: 201, headers: { 'x-key': 'value' } })
    const response = witness.task.wrap(foreign as unknown as Response)
    expect(response).toBeInstanceOf(Response)
    expect([response.status, response.headers.get('x-key')]).toEqual([201, 'value'])
    expect(await response.text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('takes a signal that is no promise of this realm', async () => {
    const witness = newWitness()
    const completed = newThenable((resolve) => resolve(undefined)) as Promise<unknown>
    witness.task.wrap(new Response('body'), { completed })
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  // Nobody listened to it: that ended the process.
  it.each<[string, (completed: Promise<unknown>) => Response]>([
    [
      'below a provider',
      (completed) =>
        provideBackgroundTasks(() =>
          new BackgroundTasks().wrap(new Response(null), { completed }),
        )(),
    ],
    [
      'of the list of the handler',
      (completed) =>
        withBackgroundTasks((tasks) => tasks.wrap(new Response(null), { completed }))(),
    ],
  ])('takes a signal that rejects in a wrap %s', (_, wrap) => {
    expect(wrap(Promise.reject(new Error('cut')))).toBeInstanceOf(Response)
  })

  it.each<[string, (task: BackgroundTask) => Response]>([
    ['after it was wrapped', (task) => Object.freeze(task.wrap(new Response('body')))],
    [
      'before, where the host has a signal',
      (task) => task.wrap(Object.freeze(new Response('body')), { completed: Promise.resolve() }),
    ],
    [
      'with such a signal',
      (task) =>
        task.wrap(
          new Response('body'),
          Object.freeze({ completed: Object.freeze(Promise.resolve()) }),
        ),
    ],
  ])('takes a response that is frozen %s', async (_, wrap) => {
    const witness = newWitness()
    expect(await wrap(witness.task).text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('waits with the outer tasks for those of the inner response', async () => {
    const gate = newGate()
    const inner = new BackgroundTask(() => gate.opened)
    const outer = newWitness()
    await outer.task.wrap(inner.wrap(new Response('body'))).text()
    await turn()
    expect(outer.outcomes()).toEqual([])
    gate.open()
    await turn()
    expect(outer.outcomes()).toEqual(['closed'])
  })

  it('does not wait for a list that runs after another response by now', async () => {
    const inner = new BackgroundTasks([new BackgroundTask(() => {})])
    const outer = newWitness()
    const response = outer.task.wrap(inner.wrap(new Response('body')))
    const later = inner.wrap(new Response('another'))
    await response.text()
    await turn()
    expect(outer.outcomes()).toEqual(['closed'])
    await later.text()
    await inner.finished
  })

  it('tells both when the same response goes out again', async () => {
    const noContent = new Response(null, { status: 204 })
    const gate = newGate()
    const slow = new BackgroundTask(() => gate.opened)
    const next = newWitness()
    expect(slow.wrap(noContent)).toBe(noContent)
    await turn()
    expect(next.task.wrap(noContent)).toBe(noContent)
    await turn()
    // It is another request's: its tasks are no reason to wait.
    expect(next.outcomes()).toEqual(['closed'])
    gate.open()
  })
})

describe('wrap() below a provider', () => {
  it('leaves the response alone, and joins the list of the request', async () => {
    const calls: string[] = []
    const response = new Response('inner')
    const fetch = provideBackgroundTasks(() => {
      const task = new BackgroundTask(() => calls.push('task'))
      const tasks = new BackgroundTasks([new BackgroundTask(() => calls.push('list'))])
      expect(task.wrap(response)).toBe(response)
      expect(tasks.wrap(response)).toBe(response)
      return new Response('outer')
    })
    const sent = await fetch()
    await turn()
    expect(calls).toEqual([])
    expect(await sent.text()).toBe('outer')
    await turn()
    expect(calls).toEqual(['task', 'list'])
  })

  it('refuses what it refuses elsewhere', async () => {
    const fetch = provideBackgroundTasks(() => {
      expect(() => new BackgroundTasks().wrap('text' as never)).toThrow('Cannot wrap the response')
      return new Response(null)
    })
    await fetch()
  })
})

describe('waitUntilOf()', () => {
  it('calls that of the options as their method, since a Worker refuses a detached one', () => {
    class Context {
      readonly held: unknown[] = []
      waitUntil(promise: Promise<unknown>): void {
        this.held.push(promise)
      }
    }
    const [context, promise] = [new Context(), Promise.resolve()]
    waitUntilOf(context)?.(promise)
    expect(context.held).toEqual([promise])
    expect(waitUntilOf({})).toBeUndefined()
  })
})

describe('countIn()', () => {
  it('lets drain() wait for what has something in it, and for nothing else', async () => {
    const tasks = new BackgroundTasks()
    countIn(tasks[inside])
    expect(registry.inFlight.items).toEqual([])
    tasks.addTask(() => {})
    countIn(tasks[inside])
    expect(registry.inFlight.items).toEqual([tasks[inside]])
    await tasks.run()
    countIn(tasks[inside])
    expect(registry.inFlight.items).toEqual([])
  })
})

describe('wrap() on Deno', () => {
  // A WebSocket upgrade that had succeeded counted as cancelled, and Deno printed a warning.
  it('does not look at the signal, which aborts on success too', async () => {
    const there = await loadOn({ Deno: {} }, () => import('../../src/index.ts'))
    const task = new there.BackgroundTask(() => {})
    const request = Object.defineProperty(new Request('http://localhost/'), 'signal', {
      get: () => expect.fail('It was looked at'),
    })
    task.wrap(new Response(null), { request })
    expect((await task.finished).outcome).toBe('closed')
  })
})

describe('joinRequest()', () => {
  it('adds to the list of the request, but to that itself, and not once it is over', async () => {
    const task = new BackgroundTask(() => {})
    let late: (() => unknown) | undefined
    const fetch = provideBackgroundTasks(() => {
      const list = requestList()
      expect(joinRequest(task[inside])).toBe(true)
      expect(list !== undefined && joinRequest(list)).toBe(false)
      const { promise, resolve } = Promise.withResolvers<void>()
      const tried = promise.then(() => joinRequest(new BackgroundTask(() => {})[inside]))
      late = () => {
        resolve()
        return tried
      }
      return new Response(null)
    })
    await fetch()
    expect((await task.finished).status).toBe('fulfilled')
    await turn()
    expect(await late?.()).toBe(false)
  })

  it('adds nothing outside of a request', () => {
    expect(requestList()).toBeUndefined()
    expect(joinRequest(new BackgroundTask(() => {})[inside])).toBe(false)
  })
})
