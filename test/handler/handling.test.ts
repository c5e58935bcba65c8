import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  BackgroundTask,
  type BackgroundTasks,
  drain,
  withBackgroundTasks,
} from '../../src/index.ts'
import type { Exchange } from '../../src/response/exchange.ts'
import { registry } from '../../src/tasks/registry.ts'
import { isCollected } from '../support/garbage.ts'
import { newGate } from '../support/gate.ts'
import { beginRequest, handleOn } from '../support/handle.ts'
import { misuse, rejection } from '../support/misuse.ts'
import { NodeResponse } from '../support/node-response.ts'
import { watchReports } from '../support/reports.ts'
import { turn } from '../support/turn.ts'
import { newWitness } from '../support/witness.ts'

watchReports()

function newAnswer(): Response {
  return new Response(null)
}

describe('Handling.handle()', () => {
  it('answers at once where the handler does, and with a promise where that does', async () => {
    const response = newAnswer()
    expect(beginRequest().handle(() => response)).toBe(response)
    const promised = beginRequest().handle(() => Promise.resolve(response))
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
      const handling = beginRequest()
      handling.tasks.addTask(witness.task)
      const thrown = await rejection((async () => handling.handle(handler))())
      expect(thrown).toBe(bug)
      await witness.task.finished
      expect(witness.contexts).toMatchObject([{ outcome: 'thrown', reason: bug }])
    }
  })

  it('throws on what cannot be looked at', async () => {
    const bug = Object.defineProperty(new Error('bug'), 'digest', {
      get() {
        throw new Error('not to be looked at')
      },
    })
    const witness = newWitness()
    const handling = beginRequest()
    handling.tasks.addTask(witness.task)
    const fail = (): never => {
      throw bug
    }
    expect(await rejection((async () => handling.handle(fail))())).toBe(bug)
    await witness.task.finished
    expect(witness.contexts).toMatchObject([{ outcome: 'thrown', reason: bug }])
  })

  it('throws on an answer that is thrown, observed', async () => {
    const witness = newWitness()
    const handling = beginRequest()
    handling.tasks.addTask(witness.task)
    const notFound = new Response('not found', { status: 404 })
    const thrown = await rejection(
      (async () =>
        handling.handle(() => {
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
    const handling = beginRequest()
    handling.tasks.addTask(witness.task)
    expect(misuse(() => handling.handle(() => read))).toContain('its body is already read')
    await witness.task.finished
    expect(witness.outcomes()).toEqual(['thrown'])
  })

  it('forgets a list that is empty where the host can be asked later, until something is added', async () => {
    const res = new NodeResponse()
    const handling = beginRequest(new Request('http://localhost/'), { res })
    handling.handle(newAnswer)
    expect([handling.list.state, res.heard, registry.inFlight.items]).toEqual(['free', 0, []])
    handling.tasks.addTask(() => {})
    const { heard } = res
    expect([handling.list.state, heard > 0]).toEqual(['waiting', true])
    handling.tasks.addTask(() => {})
    expect(res.heard).toBe(heard)
    res.finish()
    await drain()
  })

  it('asks the host at once where somebody waits for the end of the list by then', async () => {
    const res = new NodeResponse()
    const handling = beginRequest(new Request('http://localhost/'), { res })
    const { finished } = handling.tasks
    handling.handle(newAnswer)
    expect([handling.list.state, res.heard > 0]).toEqual(['waiting', true])
    res.finish()
    expect(await finished).toEqual([])
  })

  // That of Next.js can be asked while the handler runs, and not after that.
  it('asks a host at once, of an empty list too, that has not called the handler itself', async () => {
    const tell = vi.fn<(exchange: Exchange) => void>()
    const response = newAnswer()
    const answer = handleOn({ teller: () => ({ tell }) }, () => response)
    expect(tell).toHaveBeenCalledOnce()
    expect(await answer).toBe(response)
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

describe('A list that was empty when its handler answered', () => {
  it('waits for a response that is wrapped with it after that, and asks for the first no more', async () => {
    const witness = newWitness()
    const res = new NodeResponse()
    const lists: BackgroundTasks[] = []
    const handler = withBackgroundTasks((tasks, _request: Request, _context: object) => {
      lists.push(tasks)
      return new Response('first')
    })
    await handler(new Request('http://localhost/'), { res })
    const [list] = lists
    if (list === undefined) return expect.fail('There is no list')
    const second = list.wrap(new Response('second', { status: 201 }))
    list.addTask(witness.task)
    const { finished } = list
    await second.text()
    await turn()
    expect([witness.outcomes(), res.heard]).toEqual([['closed'], 0])
    expect(witness.contexts[0]?.response?.status).toBe(201)
    res.finish()
    await finished
  })
})

describe('A list that waits', () => {
  it('does not hold the request of its handler', async () => {
    const res = new NodeResponse()
    const reference = await (async () => {
      const request = new Request('http://localhost/')
      const handler = withBackgroundTasks((tasks, _request: Request, _context: object) => {
        tasks.addTask(() => {})
        return new Response('body')
      })
      await handler(request, { res })
      return new WeakRef(request)
    })()
    await turn()
    expect(await isCollected(reference)).toBe(true)
    res.finish()
    await drain()
  })
})

describe('A task that runs', () => {
  it('holds neither the request of its handler nor what the host has of its own', async () => {
    const gate = newGate()
    const references = await (async () => {
      const [request, res] = [new Request('http://localhost/'), new NodeResponse()]
      const handler = withBackgroundTasks((tasks, _request: Request, _context: object) => {
        tasks.addTask(() => gate.opened)
        return new Response('body')
      })
      await handler(request, { res })
      res.finish()
      await turn()
      return [request, res].map((value) => new WeakRef<object>(value))
    })()
    for (const reference of references) expect(await isCollected(reference)).toBe(true)
    gate.open()
    await drain()
  })

  it('holds nothing of the answer either, where it was added after that', async () => {
    const gate = newGate()
    const reference = await (async () => {
      const res = new NodeResponse()
      const lists: BackgroundTasks[] = []
      const answers: WeakRef<object>[] = []
      const handler = withBackgroundTasks((tasks, _request: Request, _context: object) => {
        lists.push(tasks)
        return { loaded: true }
      })
      answers.push(new WeakRef(Object(handler(new Request('http://localhost/'), { res }))))
      lists[0]?.addTask(() => gate.opened)
      res.finish()
      await turn()
      return answers
    })()
    for (const answer of reference) expect(await isCollected(answer)).toBe(true)
    gate.open()
    await drain()
  })
})
