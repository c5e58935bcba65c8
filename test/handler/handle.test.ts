import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { checkedHandler, handle, withLength } from '../../src/handler/handle.ts'
import { BackgroundTask, drain, withBackgroundTasks } from '../../src/index.ts'
import { registry } from '../../src/tasks/registry.ts'
import { newGate } from '../support/gate.ts'
import { misuse, rejection } from '../support/misuse.ts'
import { NodeResponse } from '../support/node-response.ts'
import { watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'
import { newWitness } from '../support/witness.ts'

watchReports()

function newAnswer(): Response {
  return new Response(null)
}

describe('checkedHandler()', () => {
  it('refuses what is no handler, and options that are none', () => {
    expect(misuse(() => checkedHandler('text', {}))).toBe(
      'Cannot wrap the handler: it is a string, pass a function',
    )
    expect(misuse(() => checkedHandler(newAnswer, { unreadTimout: 5 } as object))).toContain(
      'Cannot wrap the handler: there is no option unreadTimout',
    )
  })

  it('begins each request with a list of its own, which its handler has not left', () => {
    const begin = checkedHandler(newAnswer, { concurrency: 2 })
    const [one, other] = [begin([]), begin([])]
    expect(one.tasks).not.toBe(other.tasks)
    expect([one.list.state, one.list.options.concurrency]).toEqual(['handling', 2])
    for (const { list } of [one, other]) list.release()
  })

  it('hands the end of the list to waitUntil before the handler is called', async () => {
    const calls: string[] = []
    const waitUntil = vi.fn<(promise: Promise<unknown>) => void>(() => void calls.push('held'))
    const handling = checkedHandler(newAnswer, { waitUntil })([])
    handle(handling, () => {
      calls.push('handler')
      return newAnswer()
    })
    expect(calls).toEqual(['held', 'handler'])
    expect(waitUntil.mock.calls).toEqual([[handling.list.ended]])
    await handling.list.ended
  })
})

describe('handle()', () => {
  it('answers at once where the handler does, and with a promise where that does', async () => {
    const begin = checkedHandler(newAnswer, {})
    const response = newAnswer()
    expect(handle(begin([]), () => response)).toBe(response)
    const promised = handle(begin([]), () => Promise.resolve(response))
    expect(promised).toBeInstanceOf(Promise)
    expect(await promised).toBe(response)
    await drain()
  })

  it('throws on what the handler throws, and runs what is for that', async () => {
    const bug = new Error('bug')
    const fail = (): never => {
      throw bug
    }
    for (const handler of [fail, async () => fail()]) {
      const witness = newWitness()
      const handling = checkedHandler(handler, {})([])
      handling.tasks.addTask(witness.task)
      const thrown = await rejection((async () => handle(handling, handler))())
      expect(thrown).toBe(bug)
      await witness.task.finished
      expect(witness.contexts).toMatchObject([{ outcome: 'thrown', reason: bug }])
    }
  })

  it('throws on an answer that is thrown, observed', async () => {
    const witness = newWitness()
    const handling = checkedHandler(newAnswer, {})([])
    handling.tasks.addTask(witness.task)
    const notFound = new Response('not found', { status: 404 })
    const thrown = await rejection(
      (async () =>
        handle(handling, () => {
          throw notFound
        }))(),
    )
    if (!(thrown instanceof Response)) return expect.fail('It is no Response')
    expect([thrown.status, await thrown.text()]).toEqual([404, 'not found'])
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['closed'])
    expect(witness.contexts[0]?.response?.status).toBe(404)
  })

  it('counts a response that cannot be wrapped as thrown', async () => {
    const read = new Response('body')
    await read.text()
    const witness = newWitness()
    const handling = checkedHandler(newAnswer, {})([])
    handling.tasks.addTask(witness.task)
    expect(misuse(() => handle(handling, () => read))).toContain('its body is already read')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['thrown'])
  })

  it('forgets a list that is empty where the host can be asked later, until something is added', async () => {
    const res = new NodeResponse()
    const handling = checkedHandler(newAnswer, {})([new Request('http://localhost/'), { res }])
    handle(handling, newAnswer)
    expect([handling.list.state, res.heard, registry.inFlight.items]).toEqual(['free', 0, []])
    handling.tasks.addTask(() => {})
    expect([handling.list.state, res.heard > 0]).toEqual(['waiting', true])
    res.finish()
    await drain()
  })
})

describe('withLength()', () => {
  it('lets a host that looks at it pass its arguments: Deno passes none to a function of none', () => {
    expect([-1, 0, 1, 3].map((length) => withLength(() => {}, length).length)).toEqual([1, 1, 1, 3])
  })
})

type Handler = (request: Request, context: object) => unknown

function answerBody(): Response {
  return new Response('body')
}

/** Answers as `handler` does, and adds a task of its own. */
function layer(calls: string[], name: string, handler: Handler): Handler {
  return withBackgroundTasks((tasks, request: Request, context: object) => {
    tasks.addTask({ run: ({ outcome }) => calls.push(`${name} ${outcome}`) })
    return handler(request, context)
  })
}

describe('Handlers in each other on one Node response', () => {
  // Node printed MaxListenersExceededWarning.
  it('listen once, and run their lists from the inside out', async () => {
    const calls: string[] = []
    const names = Array.from({ length: 12 }, (_, index) => String(index))
    let handler: Handler = answerBody
    for (const name of names) handler = layer(calls, name, handler)
    const res = new NodeResponse()
    await handler(new Request('http://localhost/'), { res })
    expect([res.listenerCount('finish'), res.listenerCount('close')]).toEqual([1, 1])
    expect(calls).toEqual([])
    res.finish()
    await drain()
    expect(calls).toEqual(names.map((name) => `${name} closed`))
  })

  it('listen once where each replaces the answer too, and Node warns of no leak', async () => {
    const warnings: string[] = []
    const warn = ({ name }: Error): unknown => warnings.push(name)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const calls: string[] = []
    const names = Array.from({ length: 12 }, (_, index) => String(index))
    let handler: Handler = answerBody
    for (const name of names) {
      const inner = handler
      handler = layer(calls, name, async (request, context) => {
        await inner(request, context)
        return new Response(name)
      })
    }
    const res = new NodeResponse()
    const answer = await handler(new Request('http://localhost/'), { res })
    expect(answer).toBeInstanceOf(Response)
    expect([res.listenerCount('finish'), res.listenerCount('close')]).toEqual([1, 1])
    res.finish()
    await drain()
    await turn()
    expect(calls).toEqual(names.map((name) => `${name} closed`))
    expect(warnings).toEqual([])
  })

  it('run all lists of two handlers that a third one calls', async () => {
    const calls: string[] = []
    const [first, second] = ['first', 'second'].map((name) =>
      layer(calls, name, () => new Response(name)),
    )
    const both = layer(calls, 'both', async (request, context) => {
      await first?.(request, context)
      return await second?.(request, context)
    })
    const res = new NodeResponse()
    await both(new Request('http://localhost/'), { res })
    res.finish()
    await drain()
    expect(calls).toEqual(['first closed', 'second closed', 'both closed'])
  })

  // The list of the task waited for that of the handler, and that for the task.
  it('run the list of a handler that a running task calls and waits for', async () => {
    const calls: string[] = []
    const res = new NodeResponse()
    const answer = new Response(null)
    const outer = withBackgroundTasks((tasks, request: Request, context: object) => {
      tasks.addTask(async () => {
        const again = new BackgroundTask(() => calls.push('again'))
        const inner = withBackgroundTasks((list, _request: Request, _context: object) => {
          list.addTask(again)
          return answer
        })
        await inner(request, context)
        await again.finished
        calls.push('task')
      })
      return answer
    })
    await outer(new Request('http://localhost/'), { res })
    res.finish()
    await drain()
    expect(calls).toEqual(['again', 'task'])
  })

  // It is one response, whoever has answered: that of the inner one is replaced.
  it('run one after the other where each has an answer of its own', async () => {
    const calls: string[] = []
    const gate = newGate()
    const res = new NodeResponse()
    const first = withBackgroundTasks((tasks, _request: Request, _context: object) => {
      tasks.addTask(() => gate.opened)
      return new Response('first')
    })
    await first(new Request('http://localhost/'), { res })
    await layer(calls, 'second', answerBody)(new Request('http://localhost/'), { res })
    res.finish()
    await turn()
    expect(calls).toEqual([])
    gate.open()
    await drain()
    expect(calls).toEqual(['second closed'])
  })
})
