import { notFound, permanentRedirect, redirect } from 'next/navigation.js'
import { after } from 'next/server.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { backgroundTasks, provideBackgroundTasks } from '../src/context.ts'
import { BackgroundTasks } from '../src/index.ts'
import * as door from '../src/next.ts'
import { withBackgroundTasks } from '../src/next.ts'
import { exportedNames } from './support/exported-names.ts'
import { newGate } from './support/gate.ts'
import { misuse } from './support/misuse.ts'
import { nextFallback, nextRedirect } from './support/next-thrown.ts'
import { newSource } from './support/source.ts'
import { turn } from './support/turn.ts'
import { newWitness, type Witness } from './support/witness.ts'

vi.mock(import('next/server.js'), async (original) => {
  const next = await original()
  return { ...next, after: vi.fn(next.after) }
})

/** Next, as far as the door sees it: it calls back when the response is over. */
let callbacks: (() => unknown)[]
let promises: PromiseLike<unknown>[]
beforeEach(() => {
  callbacks = []
  promises = []
})
afterEach(() => {
  vi.mocked(after).mockReset()
  vi.unstubAllEnvs()
})

function answerRequests(): void {
  vi.mocked(after).mockImplementation((task) => {
    if (typeof task === 'function') callbacks.push(task)
    else promises.push(task)
  })
}

/** What Next waits for at SIGTERM. */
function endResponse(): Promise<unknown> {
  return Promise.all(callbacks.splice(0).map((callback) => callback()))
}

describe('background-tasks/next', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('next', door)).toEqual({ values: ['withBackgroundTasks'], types: [] })
  })
})

describe('withBackgroundTasks() of background-tasks/next', () => {
  it.each<[unknown, string]>([
    [new Response(), 'an object'],
    [undefined, 'undefined'],
  ])('refuses %s in the place of a handler', (handler, kind) => {
    expect(misuse(() => withBackgroundTasks(handler as never))).toBe(
      `Cannot wrap the handler: it is ${kind}, pass a function`,
    )
  })

  it('refuses options that are none', () => {
    misuse(() => withBackgroundTasks(() => {}, { failure: 'ignore' as never }))
    misuse(() => withBackgroundTasks(() => {}, { concurrency: 0 }), RangeError)
    expect(misuse(() => withBackgroundTasks(() => {}, null as never))).toBe(
      'Cannot wrap the handler: the options are null, pass an object',
    )
  })
})

describe('withBackgroundTasks() of background-tasks/next, where Next answers a request', () => {
  beforeEach(answerRequests)

  it('passes the arguments and the answer as they are', async () => {
    const response = new Response('body')
    const { body } = response
    const handler = withBackgroundTasks((tasks, ...args: unknown[]) => {
      expect(tasks).toBeInstanceOf(BackgroundTasks)
      expect(args).toEqual(['request', 'context'])
      return response
    })
    expect(await handler('request', 'context')).toBe(response)
    expect(response.body).toBe(body)
    expect(response.bodyUsed).toBe(false)
  })

  it('starts the tasks when Next has called back, and lets it wait for them', async () => {
    const witness = newWitness()
    const gate = newGate()
    const handler = withBackgroundTasks((tasks) => {
      expect(after).toHaveBeenCalledOnce()
      tasks.addTask(witness.task)
      tasks.addTask(() => gate.opened)
      return new Response('body')
    })
    await (await handler()).text()
    await turn()
    expect(witness.outcomes()).toEqual([])

    let isOver = false
    const ended = endResponse().then(() => (isOver = true))
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
    expect(isOver).toBe(false)
    gate.open()
    await ended
  })

  it('holds them back until the handler has returned, when the client left before', async () => {
    const witness = newWitness()
    const gate = newGate()
    const controller = new AbortController()
    const handler = withBackgroundTasks(async (tasks, _request: Request) => {
      tasks.addTask(witness.task)
      await gate.opened
      return new Response('body')
    })
    const answered = handler(new Request('http://a', { signal: controller.signal }))
    controller.abort('left')
    const ended = endResponse()
    await turn()
    expect(witness.outcomes()).toEqual([])
    gate.open()
    await answered
    await ended
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'left' }])
  })

  describe('when the request has been aborted after the handler returned', () => {
    const reason = new Error('ResponseAborted')
    const end = async (answer: Response): Promise<Witness> => {
      const witness = newWitness()
      const controller = new AbortController()
      const handler = withBackgroundTasks((tasks, _request: Request) => {
        tasks.addTask(witness.task)
        return answer
      })
      await handler(new Request('http://a', { signal: controller.signal }))
      controller.abort(reason)
      await endResponse()
      return witness
    }

    it('tells the error of a source that has failed', async () => {
      const source = newSource()
      const piped = source.response.body?.pipeTo(new WritableStream())
      const error = new Error('the source failed')
      source.error(error)
      await expect(piped).rejects.toBe(error)
      expect((await end(source.response)).contexts).toMatchObject([
        { outcome: 'errored', reason: error },
      ])
    })

    it('tells of a client that left when the source has failed with the reason of its signal', async () => {
      const source = newSource()
      source.error(reason)
      expect((await end(source.response)).contexts).toMatchObject([
        { outcome: 'cancelled', reason },
      ])
    })

    it.each<[string, () => Response]>([
      [
        'is cancelled',
        () => {
          const { response } = newSource()
          void response.body?.cancel()
          return response
        },
      ],
      ['is not touched', () => newSource().response],
      [
        'is still locked',
        () => {
          const { response } = newSource()
          response.body?.getReader()
          return response
        },
      ],
      ['is none', () => new Response(null)],
      [
        'has no reader',
        () => {
          const foreign = {
            locked: false,
            getReader: () => {
              throw new TypeError('foreign')
            },
          }
          return Object.defineProperty(new Response('body'), 'body', { value: foreign })
        },
      ],
      [
        'has a reader of another kind',
        () => {
          const foreign = { locked: false, getReader: () => ({ releaseLock() {} }) }
          return Object.defineProperty(new Response('body'), 'body', { value: foreign })
        },
      ],
    ])('tells of a client that left when the body %s', async (_, answer) => {
      expect((await end(answer())).contexts).toMatchObject([{ outcome: 'cancelled', reason }])
    })

    // A cache may keep the response and send it again.
    it('leaves a body alone that it has looked at, which Next has never read', async () => {
      const source = newSource()
      await end(source.response)
      await turn()
      expect(source.response.body?.locked).toBe(false)
      expect(source.cancels()).toEqual([])
    })
  })

  it('tells of the client that left before the handler returned, whatever became of the source', async () => {
    const witness = newWitness()
    const source = newSource()
    source.error(new Error('the source failed'))
    const handler = withBackgroundTasks((tasks, _request: Request) => {
      tasks.addTask(witness.task)
      return source.response
    })
    await handler(new Request('http://a', { signal: AbortSignal.abort('left') }))
    await endResponse()
    expect(witness.contexts).toMatchObject([{ outcome: 'cancelled', reason: 'left' }])
  })

  it('touches nothing of the request but its signal, and survives one that throws', async () => {
    const request = new Proxy(new Request('http://a'), {
      get(_target, property) {
        if (property !== 'signal') expect.fail(`It has read ${String(property)}`)
        throw new TypeError('Cannot read private member')
      },
    })
    const witness = newWitness()
    const handler = withBackgroundTasks((tasks, _request: Request) => {
      tasks.addTask(witness.task)
      return new Response('static')
    })
    await handler(request)
    await endResponse()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('keeps what a failed task has thrown from Next', async () => {
    const onError = vi.fn()
    const handler = withBackgroundTasks(
      (tasks) => {
        tasks.addTask(() => Promise.reject(new Error('failed')))
      },
      { onError },
    )
    await handler()
    await expect(endResponse()).resolves.toMatchObject([[{ status: 'rejected' }]])
    expect(onError).toHaveBeenCalledOnce()
  })

  it.each([
    ['redirect()', () => redirect('/elsewhere')],
    ['notFound()', () => notFound()],
  ])('takes %s for an answer, and passes its error on unchanged', async (_, answer) => {
    const witness = newWitness()
    let thrown: unknown
    const handler = withBackgroundTasks((tasks): never => {
      tasks.addTask(witness.task)
      try {
        answer()
      } catch (error) {
        thrown = error
      }
      throw thrown
    })
    await expect(handler()).rejects.toBe(thrown)
    await turn()
    expect(witness.outcomes()).toEqual([])
    await endResponse()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it.each([new Error('failed'), { digest: 404 }, undefined])(
    'takes any other error for a failure (%s)',
    async (error) => {
      const witness = newWitness()
      const handler = withBackgroundTasks((tasks): never => {
        tasks.addTask(witness.task)
        throw error
      })
      await expect(handler()).rejects.toBe(error)
      await turn()
      expect(witness.outcomes()).toEqual(['thrown'])
      await endResponse()
    },
  )

  it.each(['DYNAMIC_SERVER_USAGE', 'HANGING_PROMISE_REJECTION', 'NEXT_PRERENDER_INTERRUPTED'])(
    'runs only the cleanups when Next gives up to prerender (%s)',
    async (digest) => {
      const [witness, nested] = [newWitness(), newWitness()]
      const cleanup = vi.fn()
      const error = Object.assign(new Error('Dynamic server usage'), { digest })
      const handler = withBackgroundTasks((tasks): never => {
        tasks.addTask(witness.task)
        tasks.addTask(new BackgroundTasks([nested.task]))
        tasks.defer(cleanup)
        throw error
      })
      await expect(handler()).rejects.toBe(error)
      await turn()
      expect(witness.task.status).toBe('skipped')
      expect(nested.task.status).toBe('skipped')
      expect(cleanup).toHaveBeenCalledOnce()
    },
  )

  it('calls a waitUntil that it is given as well', async () => {
    const waitUntil = vi.fn()
    await withBackgroundTasks(() => {}, { waitUntil })()
    expect(waitUntil).toHaveBeenCalledOnce()
  })

  it('lets backgroundTasks() find the list', async () => {
    const handler = withBackgroundTasks(async (tasks) => {
      await turn()
      expect(backgroundTasks()).toBe(tasks)
    })
    await handler()
  })

  it('joins the list of a provider around it', async () => {
    const witness = newWitness()
    const handler = provideBackgroundTasks(
      withBackgroundTasks((tasks) => {
        expect(backgroundTasks()).not.toBe(tasks)
        tasks.addTask(witness.task)
        return new Response('body')
      }),
    )
    const response = await handler()
    const ended = endResponse()
    await turn()
    expect(witness.outcomes()).toEqual([])
    await response.text()
    await ended
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('goes by the body in the edge runtime, where Next does not always call back', async () => {
    vi.stubEnv('NEXT_RUNTIME', 'edge')
    const witness = newWitness()
    const handler = withBackgroundTasks((tasks, _request: Request) => {
      tasks.addTask(witness.task)
      return new Response('body')
    })
    const response = await handler(new Request('http://a'))
    await response.text()
    await Promise.all(promises)
    expect(promises).toHaveLength(1)
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('withBackgroundTasks() of background-tasks/next, where Next answers no request', () => {
  it('goes by the body of the response', async () => {
    const witness = newWitness()
    const waitUntil = vi.fn()
    const handler = withBackgroundTasks(
      (tasks, _request: Request) => {
        tasks.addTask(witness.task)
        return new Response('body')
      },
      { waitUntil },
    )
    const response = await handler(new Request('http://a'))
    expect(after).toThrow('outside a request scope')
    expect(waitUntil).toHaveBeenCalledOnce()
    await turn()
    expect(witness.outcomes()).toEqual([])
    expect(await response.text()).toBe('body')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })

  it('runs the tasks when a server action has returned', async () => {
    const witness = newWitness()
    const action = withBackgroundTasks((tasks, formData: FormData) => {
      tasks.addTask(witness.task)
      return formData.get('name')
    })
    const formData = new FormData()
    formData.set('name', 'Ada')
    expect(await action(formData)).toBe('Ada')
    await turn()
    expect(witness.outcomes()).toEqual(['closed'])
  })
})

describe('What Next.js throws for an answer', () => {
  it.each<[string, () => never, Error]>([
    ['redirect()', () => redirect('/home?a;b'), nextRedirect('/home?a;b', 307)],
    ['permanentRedirect()', () => permanentRedirect('/home'), nextRedirect('/home', 308)],
    ['notFound()', notFound, nextFallback(404)],
  ])('is for %s what the tests of the core throw', (_, answer, expected) => {
    expect(answer).toThrow(expect.objectContaining({ ...expected, message: expected.message }))
  })
})
