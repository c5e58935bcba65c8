import { describe, expect, it, vi } from 'vitest'
import {
  BackgroundTaskError,
  BackgroundTasks,
  drain,
  withBackgroundTasks,
} from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { misuse } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'
import { newWitness } from '../support/witness.ts'

watchReports()

const url = 'http://localhost/'

describe('withBackgroundTasks()', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [{ fetch: () => {} }, 'an object'],
    [Promise.resolve(), 'a promise'],
    [new BackgroundTasks(), 'an object'],
  ])('refuses %s in the place of a handler', (handler, kind) => {
    expect(misuse(() => withBackgroundTasks(handler as () => void))).toBe(
      `Cannot wrap the handler: it is ${kind}, pass a function`,
    )
  })

  it.each<[object, string]>([
    [{ waitUntil: {} }, 'Cannot wrap the handler: waitUntil is an object, pass a function'],
    [{ waitUntil: null }, 'Cannot wrap the handler: waitUntil is null, pass a function'],
    [{ failure: 'halt' }, "Cannot create the list: failure is a string, pass 'stop' or 'continue'"],
    [{ onError: 1 }, 'Cannot create the list: onError is a number, pass a function'],
  ])('refuses the options %o when it is called, not when a request comes', (options, message) => {
    expect(misuse(() => withBackgroundTasks(() => {}, options))).toBe(message)
  })

  it.each<[object, string]>([
    [
      { unreadTimeout: 0 },
      'Cannot wrap the handler: unreadTimeout is 0, pass milliseconds above 0',
    ],
    [
      { concurrency: 0 },
      'Cannot create the list: concurrency is 0, pass a whole number from 1 or Infinity',
    ],
    [{ timeout: -1 }, 'Cannot create the list: timeout is -1, pass milliseconds above 0'],
  ])('refuses the numbers %o when it is called', (options, message) => {
    expect(misuse(() => withBackgroundTasks(() => {}, options), RangeError)).toBe(message)
  })

  it('gives the handler a list of its own for each request, and the arguments unchanged', async () => {
    const seen: unknown[][] = []
    const handle = withBackgroundTasks((...args: unknown[]) => {
      seen.push(args)
      return new Response(null)
    })
    const request = new Request(url)
    const context = { params: { email: 'ada@example.com' } }
    await handle(request, context)
    await handle(request, context)
    expect(seen).toHaveLength(2)
    for (const [tasks, ...rest] of seen) {
      expect(tasks).toBeInstanceOf(BackgroundTasks)
      expect(rest).toHaveLength(2)
      expect(rest[0]).toBe(request)
      expect(rest[1]).toBe(context)
    }
    expect(seen[0]?.[0]).not.toBe(seen[1]?.[0])
  })

  it('calls the handler with no arguments when the host passes none', async () => {
    const handle = withBackgroundTasks((tasks) => {
      tasks.addTask(() => {})
      return new Response(null)
    })
    expect((await handle()).status).toBe(200)
  })

  it.each<[string, (tasks: BackgroundTasks, ...args: unknown[]) => unknown, number]>([
    ['the list alone', (_tasks) => {}, 1],
    ['the request', (_tasks, _request) => {}, 1],
    ['the request and the context', (_tasks, _request, _context) => {}, 2],
    ['all that comes', (..._all) => {}, 1],
  ])('has the length that the host looks at: a handler of %s', (_, handler, length) => {
    expect(withBackgroundTasks(handler)).toHaveLength(length)
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['text', 'text'],
    ['an object', { status: 200 }],
    ['null', null],
  ])('hands on an answer that is no response, and runs the tasks: %s', async (_, answer) => {
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks) => {
      tasks.addTask(witness.task)
      return answer
    })
    expect(await handle()).toBe(answer)
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('uses the options for each list', async () => {
    const errors: unknown[] = []
    const handle = withBackgroundTasks(
      (tasks) => {
        for (const name of ['a', 'b']) {
          tasks.addTask({
            name,
            run() {
              throw new Error(name)
            },
          })
        }
        tasks.addTask({ name: 'c', run: () => {}, when: ['cancelled'] })
        return new Response('body')
      },
      { failure: 'continue', onError: (error) => errors.push(error), when: ['closed'] },
    )
    await (await handle()).text()
    await drain()
    expect(errors.map((error) => error instanceof BackgroundTaskError && error.task)).toEqual([
      'a',
      'b',
    ])
  })

  it('runs the tasks that are added after the handler has returned', async () => {
    const witness = newWitness()
    let list: BackgroundTasks | undefined
    const handle = withBackgroundTasks((tasks) => {
      list = tasks
      return new Response('body')
    })
    const response = await handle()
    list?.addTask(witness.task)
    await response.text()
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('keeps many requests apart', async () => {
    const gates = Array.from({ length: 10 }, () => newGate())
    const ran: number[] = []
    const handle = withBackgroundTasks(async (tasks, index: number) => {
      tasks.addTask(() => ran.push(index))
      await gates[index]?.opened
      return new Response(String(index))
    })
    const answers = gates.map((_, index) => handle(index))
    for (const [index, gate] of gates.entries()) {
      gate.open()
      const response = await answers[index]
      expect(await response?.text()).toBe(String(index))
      await turn()
      expect(ran).toHaveLength(index + 1)
      expect(ran.at(-1)).toBe(index)
    }
  })

  it('finds the request of a handler whose host passes more than that', async () => {
    for (const findable of [
      (request: Request): unknown => request,
      (request: Request): unknown => ({ request }),
    ]) {
      const witness = newWitness()
      const client = new AbortController()
      const handle = withBackgroundTasks((tasks, _event: unknown) => {
        tasks.addTask(witness.task)
        return new Response('body')
      })
      await handle(findable(new Request(url, { signal: client.signal })))
      client.abort('gone')
      await turn()
      expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'gone' }])
    }
  })

  it.each<[string, unknown]>([
    ['text', 'text'],
    ['null', null],
    ['an object', {}],
    ['a request that is none', { request: 'text' }],
    [
      'a getter that throws',
      Object.defineProperty({}, 'request', {
        get() {
          throw new Error('no request here')
        },
      }),
    ],
  ])('does without a request: %s', async (_, argument) => {
    const witness = newWitness()
    const handle = withBackgroundTasks((tasks, given: unknown) => {
      expect(given).toBe(argument)
      tasks.addTask(witness.task)
      return new Response('body')
    })
    expect(await (await handle(argument)).text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('prefers its own waitUntil to that of the host', async () => {
    const [own, host] = [vi.fn<() => void>(), vi.fn<() => void>()]
    const handle = withBackgroundTasks((_tasks, ..._args: unknown[]) => new Response(null), {
      waitUntil: own,
    })
    await handle(new Request(url), {}, { waitUntil: host })
    await turn()
    expect(own).toHaveBeenCalledOnce()
    expect(host).not.toHaveBeenCalled()
  })

  it.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('too late')
      },
    ],
    ['rejects', () => Promise.reject(new Error('too late'))],
  ])('answers though waitUntil %s, and prints that', async (_, waitUntil) => {
    const witness = newWitness()
    const handle = withBackgroundTasks(
      (tasks) => {
        tasks.addTask(witness.task)
        return new Response('body')
      },
      { waitUntil },
    )
    expect(await (await handle()).text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
    expect(takePrinted()).toMatchObject([
      [
        {
          message:
            'Cannot keep the host alive for the tasks: its waitUntil failed, call it while the request is handled',
          cause: { message: 'too late' },
        },
      ],
    ])
  })

  it('runs the tasks of a handler that has wrapped its response itself, once', async () => {
    const witness = newWitness()
    const handle = withBackgroundTasks((tasks) => {
      tasks.addTask(witness.task)
      return tasks.wrap(new Response('body'))
    })
    expect(await (await handle()).text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('runs the list of a handler that throws once, though it has run it itself', async () => {
    const witness = newWitness()
    const handle = withBackgroundTasks(async (tasks): Promise<never> => {
      tasks.addTask(witness.task)
      await tasks.run()
      throw new Error('bug')
    })
    await expect(handle()).rejects.toThrow('bug')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
    expect(takePrinted()).toEqual([])
  })

  // To learn that the handler had thrown made the list forget its own options.
  it('keeps the rules of a list that it has started itself, though it throws', async () => {
    const errors: unknown[] = []
    const gate = newGate()
    const last = newWitness()
    const handle = withBackgroundTasks(
      async (tasks): Promise<never> => {
        tasks.addTask(() => gate.opened)
        tasks.addTask(function failing() {
          throw new Error('bug')
        })
        tasks.addTask(last.task)
        void tasks.run()
        throw new Error('of the handler')
      },
      { onError: (error) => errors.push(error) },
    )
    await expect(handle()).rejects.toThrow('of the handler')
    await turn()
    gate.open()
    await drain()
    expect(errors).toMatchObject([{ task: 'failing', skipped: ['witness'] }])
    expect(last.outcomes()).toEqual([])
  })

  it('rejects with the error of the handler, in the turn in which that does', async () => {
    const bug = new Error('bug')
    const handle = withBackgroundTasks(() => Promise.reject(bug))
    const seen = vi.fn<(error: unknown) => void>()
    handle().catch(seen)
    await turn()
    expect(seen).toHaveBeenCalledExactlyOnceWith(bug)
  })
})
