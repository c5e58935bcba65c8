import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  BackgroundTask,
  BackgroundTasks,
  drain,
  inFlight,
  withBackgroundTasks,
} from '../../src/index.ts'
import { newGate } from '../support/gate.ts'
import { misuse, rejection } from '../support/misuse.ts'
import { takePrinted, watchReports } from '../support/reports.ts'
import { newSource } from '../support/source.ts'
import { turn } from '../support/turn.ts'

watchReports()

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

describe('drain()', () => {
  it.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [NaN, 'NaN'],
    ['10', 'a string'],
    [null, 'null'],
  ])('refuses a timeout of %s', async (timeout, shown) => {
    const error = await rejection(drain({ timeout: timeout as number }))
    expect(
      misuse(() => {
        throw error
      }, RangeError),
    ).toBe(`Cannot drain the tasks: timeout is ${shown}, pass milliseconds above 0`)
  })

  it.each<[unknown, string]>([
    [5000, 'a number'],
    [null, 'null'],
  ])('refuses %s for options', async (options, kind) => {
    const error = await rejection(drain(options as object))
    expect(String(error)).toBe(
      `TypeError: Cannot drain the tasks: the options are ${kind}, pass an object`,
    )
  })

  it('waits for tasks and lists of subclasses, whatever they name their members', async () => {
    class Numbered extends BackgroundTask {
      slot = 7
    }
    class Cancellable extends BackgroundTasks {
      cancel(): void {}
    }
    const tasks = new Cancellable([new Numbered(() => {})])
    void tasks.run()
    void new Numbered(() => {}).run()
    expect(await drain()).toMatchObject({ abandoned: [] })
    expect(await tasks.finished).toHaveLength(1)
  })

  // It ran on beside the process that ended, and was in no list of what was given up.
  it('gives up on what is added because it gives up', async () => {
    const tasks = new BackgroundTasks([], { onError: () => {} })
    const added = new BackgroundTask(() => {})
    const task = tasks.addTask({
      run: ({ signal }) =>
        new Promise(() => signal.addEventListener('abort', () => tasks.addTask(added))),
    })
    void tasks.run()
    const draining = drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    expect((await draining).abandoned).toEqual([task, added])
    await tasks.finished
  })

  it.each(['stop', 'continue'] as const)(
    "gives up on what is added where a promise rejects because it gives up, under '%s'",
    async (failure) => {
      const tasks = new BackgroundTasks([], { failure, onError: () => {} })
      const added = new BackgroundTask(() => {})
      const task = tasks.addTask({
        async run({ signal }) {
          try {
            await sleep(60_000, undefined, { signal })
          } catch {
            tasks.addTask(added)
          }
        },
      })
      void tasks.run().catch(() => {})
      const draining = drain({ timeout: 10 })
      await vi.advanceTimersByTimeAsync(10)
      expect((await draining).abandoned).toEqual([task, added])
      await tasks.finished
    },
  )

  it('resolves at once when there is nothing, and leaves no timer', async () => {
    const before = vi.getTimerCount()
    expect(await drain()).toEqual({ finished: 0, abandoned: [] })
    expect(await drain({ timeout: 1 })).toEqual({ finished: 0, abandoned: [] })
    expect(vi.getTimerCount()).toBe(before)
  })

  it('leaves no timer when all has ended', async () => {
    const before = vi.getTimerCount()
    const gate = newGate()
    void new BackgroundTask(() => gate.opened).run()
    const draining = [drain(), drain({ timeout: 1000 }), drain({ timeout: Infinity })]
    gate.open()
    await Promise.all(draining)
    expect(vi.getTimerCount()).toBe(before)
  })

  it('does not wait for a list that nobody has wrapped or run', async () => {
    new BackgroundTasks().addTask(() => {})
    expect(await drain()).toEqual({ finished: 0, abandoned: [] })
  })

  it('does not count what has ended before', async () => {
    await new BackgroundTask(() => {}).run()
    expect((await drain()).finished).toBe(0)
  })

  it('counts what has failed or was skipped', async () => {
    const tasks = new BackgroundTasks([], { onError: () => {} })
    tasks.addTask(() => Promise.reject(new Error('bug')))
    tasks.addTask(() => {})
    void tasks.wrap(new Response('body')).text()
    expect((await drain()).finished).toBe(2)
  })

  it('waits for a task that was cancelled until its response has ended', async () => {
    const task = new BackgroundTask(() => {})
    const response = task.wrap(new Response('body'))
    task.cancel()
    const ended = vi.fn<() => void>()
    const draining = drain().then(ended)
    await turn()
    expect(ended).not.toHaveBeenCalled()
    await response.text()
    await draining
  })

  it('waits for a response whose body is on its way', async () => {
    const source = newSource()
    const response = new BackgroundTask(() => {}).wrap(source.response)
    const text = response.text()
    const ended = vi.fn<() => void>()
    const draining = drain().then(ended)
    source.enqueue('first')
    await turn()
    expect(ended).not.toHaveBeenCalled()
    source.close()
    await text
    await draining
  })

  it('gives up on each task once, in whatever lists it is', async () => {
    const task = new BackgroundTask(() => new Promise(() => {}))
    const shared = new BackgroundTasks([task])
    const options = { onError: () => {} }
    const lists = [
      new BackgroundTasks([task, shared], options),
      new BackgroundTasks([shared, task], options),
    ]
    for (const list of lists) void list.run()
    void task.run()
    const draining = drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    expect((await draining).abandoned).toEqual([task])
    await Promise.all(lists.map((list) => list.finished))
    await turn()
    takePrinted()
  })

  it('gives up at the first deadline, for the one that waits longer too', async () => {
    const task = new BackgroundTask(() => new Promise(() => {}))
    void new BackgroundTasks([task], { onError: () => {} }).run()
    const [first, second] = [drain({ timeout: 10 }), drain({ timeout: 1000 })]
    await vi.advanceTimersByTimeAsync(10)
    expect((await first).abandoned).toEqual([task])
    expect(await second).toEqual({ finished: 1, abandoned: [] })
  })

  it('never reaches a deadline that a timer cannot count', async () => {
    const gate = newGate()
    void new BackgroundTask(() => gate.opened).run()
    const draining = drain({ timeout: Number.MAX_VALUE })
    await vi.advanceTimersByTimeAsync(1000)
    gate.open()
    expect(await draining).toEqual({ finished: 1, abandoned: [] })
  })

  it('lets the tasks that have been given up on clean up', async () => {
    const calls: string[] = []
    const tasks = new BackgroundTasks([], { onError: () => {} })
    tasks.addTask({
      run: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    })
    tasks.defer(() => calls.push('cleanup'))
    void tasks.run()
    const draining = drain({ timeout: 10 })
    await vi.advanceTimersByTimeAsync(10)
    await draining
    await tasks.finished
    expect(calls).toEqual(['cleanup'])
  })

  it('keeps the process alive for a response that nobody reads', () => {
    const script = fileURLToPath(new URL('../support/drain-script.ts', import.meta.url))
    const { status, stdout } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'unread\ndrained 1\n' })
  })
})

describe('inFlight()', () => {
  it('is empty when nothing waits or runs', async () => {
    await new BackgroundTask(() => {}).run()
    new BackgroundTasks().addTask(() => {})
    expect(inFlight()).toEqual([])
  })

  it('shows what waits for a response, what runs, and what waits for its turn', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks()
    const first = tasks.addTask(() => gate.opened)
    const second = tasks.addTask(() => {})
    const alone = new BackgroundTask(() => {})
    const sent = tasks.wrap(new Response('body'))
    const waiting = alone.wrap(new Response('body'))
    expect(new Set(inFlight())).toEqual(new Set([first, second, alone]))
    await sent.text()
    await turn()
    expect(inFlight().map(({ status }) => status)).toEqual(
      expect.arrayContaining(['running', 'pending', 'pending']),
    )
    gate.open()
    await tasks.finished
    expect(inFlight()).toEqual([alone])
    await waiting.text()
    await drain()
    expect(inFlight()).toEqual([])
  })

  it('shows those of a handler that is running, sync or async', async () => {
    const gate = newGate()
    const added: BackgroundTask[] = []
    const seen: unknown[] = []
    const handle = withBackgroundTasks((tasks) => {
      added.push(tasks.addTask(() => {}))
      seen.push(inFlight())
      return new Response(null)
    })
    const later = withBackgroundTasks(async (tasks) => {
      added.push(tasks.addTask(() => {}))
      await gate.opened
      return new Response(null)
    })
    void handle()
    expect(seen).toEqual([[added[0]]])
    await drain()
    const answer = later()
    await turn()
    expect(inFlight()).toEqual([added[1]])
    gate.open()
    await answer
    await drain()
  })

  it('shows a task that waits for its limit, as pending', async () => {
    const asked: (() => Promise<void>)[] = []
    const tasks = new BackgroundTasks([], { limit: (run) => asked.push(run) })
    const task = tasks.addTask(() => {})
    void tasks.run()
    await turn()
    expect(inFlight()).toEqual([task])
    expect(task.status).toBe('pending')
    await asked[0]?.()
    await tasks.finished
    expect(inFlight()).toEqual([])
  })

  it('shows a task once, in whatever lists it is, and those of nested lists', async () => {
    const gate = newGate()
    const task = new BackgroundTask(() => gate.opened)
    const shared = new BackgroundTasks([task])
    const lists = [new BackgroundTasks([task, shared]), new BackgroundTasks([shared, task])]
    for (const list of lists) void list.run()
    expect(inFlight()).toEqual([task])
    gate.open()
    await Promise.all(lists.map((list) => list.finished))
  })

  it('leaves out what has ended or was cancelled, and cleanups', async () => {
    const gate = newGate()
    const tasks = new BackgroundTasks()
    tasks.addTask(() => {})
    tasks.addTask(() => {}).cancel()
    tasks.defer(() => gate.opened)
    void tasks.run()
    await turn()
    expect(inFlight()).toEqual([])
    gate.open()
    await tasks.finished
  })

  it('is a snapshot, which nobody else sees changed', async () => {
    const gate = newGate()
    const task = new BackgroundTask(() => gate.opened)
    void task.run()
    const before = inFlight()
    inFlight().pop()
    expect(inFlight()).toEqual([task])
    gate.open()
    await task.finished
    expect(before).toEqual([task])
  })
})
