import { type Job, type JobsOptions, UnrecoverableError } from 'bullmq'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  durable,
  type DurableContext,
  type DurableQueue,
  type DurableTask,
} from '../../src/bullmq.ts'
import {
  BackgroundTasks,
  type BackgroundTasksOptions,
  type TaskResult,
  withBackgroundTasks,
} from '../../src/index.ts'
import { withContext } from '../../src/tasks/context-function.ts'

/** Stores nothing, notes what it is told, and answers as the test wants. */
class FakeQueue {
  readonly name = 'emails'
  readonly calls: unknown[][] = []
  readonly answers: Record<string, (() => unknown) | undefined> = {}
  readonly jobs: Record<string, object> = {}
  /** How often a worker has taken each job before its response ends. */
  attemptsStarted = 0

  add(name: string, data: unknown, options: JobsOptions): Promise<unknown> {
    const stored = {
      id: options.jobId,
      name,
      data,
      attemptsStarted: this.attemptsStarted,
      timestamp: Date.now(),
      changeDelay: (delay: number) => this.#call('changeDelay', [delay]),
      getState: () => this.#call('getState', [], 'delayed'),
      promote: () => this.#call('promote'),
      updateData: (updated: unknown) => this.#call('updateData', [updated]),
    }
    this.jobs[String(stored.id)] = stored
    return this.#call('add', [name, data, options], stored)
  }

  getJob(id: string): Promise<unknown> {
    return this.#call('getJob', [id], this.jobs[id])
  }

  remove(id: string): Promise<unknown> {
    return this.#call('remove', [id])
  }

  asked(): unknown[] {
    return this.calls.map(([method]) => method)
  }

  async #call(method: string, args: unknown[] = [], usual?: unknown): Promise<unknown> {
    this.calls.push([method, ...args])
    return (await this.answers[method]?.()) ?? usual
  }
}

/** As BullMQ says that a job is not, or no longer, where it was looked for. */
function missing(code: number): () => never {
  return () => {
    throw Object.assign(new Error('missing'), { code })
  }
}

function gone(): never {
  throw new Error('The queue is gone')
}

function never(): Promise<never> {
  return new Promise(() => {})
}

function newGate(): { promise: Promise<void>; resolve: () => void } {
  let resolve: (() => void) | undefined
  const promise = new Promise<void>((resolved) => (resolve = resolved))
  return { promise, resolve: () => resolve?.() }
}

/** The id under which the first job of the test is stored. */
function storedId(): unknown {
  const [, , , options] = queue.calls[0] ?? []
  return (options as JobsOptions | undefined)?.jobId
}

let queue: FakeQueue
let reported: [task: string, message: string, skipped: readonly string[]][]
beforeEach(() => {
  queue = new FakeQueue()
  reported = []
})

const functions = {
  send: (_email: string, _times?: number): void => {},
  receipt: { attempts: 5, priority: 2, run: (_context: DurableContext, _id: string): void => {} },
  anything: (..._args: unknown[]): void => {},
}

function open(options = {}): ReturnType<typeof durable<typeof functions>> {
  return durable(queue as unknown as DurableQueue, functions, options)
}

/** Answers one request, or throws as its handler does, and waits until its tasks have ended. */
async function answer(
  handle: (tasks: BackgroundTasks) => unknown,
  read = (response: Response): unknown => response.text(),
  options: BackgroundTasksOptions = {},
): Promise<TaskResult[]> {
  let list = new BackgroundTasks()
  const handler = withBackgroundTasks(
    async (tasks) => {
      list = tasks
      await handle(tasks)
      return new Response('accepted', { status: 202 })
    },
    {
      ...options,
      onError: ({ task, cause, skipped }) => {
        reported.push([task, cause instanceof Error ? cause.message : '', skipped])
      },
    },
  )
  await handler().then(read, () => {})
  return list.finished
}

const uuid = expect.stringMatching(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/)

describe('Durable.addTask()', () => {
  it('stores the job with its options, delayed by 30 seconds unless told otherwise', async () => {
    await open().addTask(new BackgroundTasks(), 'send', 'ada@example.com', 2)
    await open({ grace: 5 }).addTask(new BackgroundTasks(), 'receipt', 'r1')
    const task = { name: 'receipt', args: ['r2'], attempts: 7, removeOnComplete: true } as const
    await open().addTask(new BackgroundTasks(), task)
    expect(queue.calls).toEqual([
      ['add', 'send', { args: ['ada@example.com', 2] }, { jobId: uuid, delay: 30_000 }],
      ['add', 'receipt', { args: ['r1'] }, { jobId: uuid, attempts: 5, priority: 2, delay: 5 }],
      [
        'add',
        'receipt',
        { args: ['r2'] },
        { jobId: uuid, attempts: 7, priority: 2, removeOnComplete: true, delay: 30_000 },
      ],
    ])
  })

  it('stores of an instance of a class what is an option of a job, and nothing else', async () => {
    class Receipt {
      readonly secret = 'API KEY'
      readonly attempts = 3
      readonly backoff = null as unknown as number
      run(): void {}
    }
    const receipts = durable(queue as unknown as DurableQueue, { receipt: new Receipt() })
    await receipts.addTask(new BackgroundTasks(), 'receipt')
    const options = { attempts: 3, backoff: null, jobId: uuid, delay: 30_000 }
    expect(queue.calls).toEqual([['add', 'receipt', { args: [] }, options]])
  })

  it('resolves with the id of the job once that is stored', async () => {
    const { promise, resolve } = newGate()
    queue.answers['add'] = () => promise
    const tasks = new BackgroundTasks()
    const adding = open().addTask(tasks, 'send', 'ada@example.com')
    await vi.waitFor(() => expect(queue.asked()).toEqual(['add']))
    expect(tasks.tasks).toEqual([])
    resolve()
    expect(await adding).toEqual(uuid)
    expect(tasks.tasks).toHaveLength(1)
  })

  it('promotes the job with the outcome after the response', async () => {
    const results = await answer((tasks) => open().addTask(tasks, 'send', 'ada@example.com'))
    expect(queue.calls.slice(1)).toEqual([
      ['getJob', storedId()],
      ['updateData', { args: ['ada@example.com'], outcome: 'closed' }],
      ['promote'],
    ])
    expect(results).toEqual([
      expect.objectContaining({ name: 'emails.send', status: 'fulfilled', outcome: 'closed' }),
    ])
    await answer(
      (tasks) => open().addTask(tasks, 'send', 'ada@example.com'),
      (response) => response.body?.cancel(),
    )
    expect(queue.calls.at(-2)).toEqual([
      'updateData',
      { args: ['ada@example.com'], outcome: 'cancelled' },
    ])
  })

  it('keeps workers from the job while it is promoted, when its grace is nearly over', async () => {
    const emails = open({ grace: 9999 })
    await answer((tasks) => emails.addTask(tasks, 'send', 'ada@example.com'))
    const kept = ['changeDelay', 'getJob', 'getState']
    expect(queue.asked()).toEqual(['add', 'getJob', 'updateData', ...kept, 'promote'])
    expect(queue.calls).toContainEqual(['changeDelay', 10_000])
    queue.calls.length = 0
    const task = { name: 'send', args: ['ada@example.com'], jobId: 'welcome' } as const
    await answer((tasks) => emails.addTask(tasks, task))
    expect(queue.asked()).toEqual(['add', 'getJob', ...kept, 'add', 'remove'])
  })

  it.each([
    ['before', 'changeDelay', missing(-3)],
    ['just when', 'getState', () => 'active'],
  ])('leaves a job to the worker that takes it %s it is kept from them', async (_, asked, says) => {
    queue.answers[asked] = says
    const emails = open({ grace: 9999 })
    await answer((tasks) => emails.addTask(tasks, 'send', 'ada@example.com'))
    const task = { name: 'send', args: ['ada@example.com'], jobId: 'welcome' } as const
    await answer((tasks) => emails.addTask(tasks, task))
    expect(queue.asked()).not.toContain('promote')
    expect(queue.asked().filter((method) => method === 'add')).toHaveLength(2)
    expect(reported).toEqual([])
  })

  // It was promoted past its backoff.
  it('leaves a job alone whose first attempt has failed meanwhile', async () => {
    const emails = open({ grace: 9999 })
    queue.answers['changeDelay'] = () => {
      for (const each of Object.values(queue.jobs)) Object.assign(each, { attemptsStarted: 1 })
    }
    await answer((tasks) => emails.addTask(tasks, 'send', 'ada@example.com'))
    expect(queue.asked()).toEqual(['add', 'getJob', 'updateData', 'changeDelay', 'getJob'])
    expect(reported).toEqual([])
  })

  it('removes the job when the handler throws', async () => {
    const results = await answer(async (tasks) => {
      await open().addTask(tasks, 'send', 'ada@example.com')
      gone()
    })
    expect(queue.asked()).toEqual(['add', 'getState', 'remove'])
    expect(results).toMatchObject([{ status: 'fulfilled', outcome: 'thrown' }])
  })

  it.each(['completed', 'failed'])('keeps a job that has %s before the throw', async (state) => {
    queue.answers['getState'] = () => state
    await answer(async (tasks) => {
      await open().addTask(tasks, 'send', 'ada@example.com')
      gone()
    })
    expect(queue.asked()).toEqual(['add', 'getState'])
  })

  it.each([-1, -3])('is content with a job that a worker has taken (%i)', async (code) => {
    queue.answers['promote'] = missing(code)
    await answer((tasks) => open().addTask(tasks, 'send', 'ada@example.com'))
    expect(queue.asked()).toEqual(['add', 'getJob', 'updateData', 'promote'])
    queue.answers['updateData'] = missing(code)
    await answer((tasks) => open().addTask(tasks, 'send', 'ada@example.com'))
    expect(reported).toEqual([])
  })

  it('leaves a job to its backoff that has been attempted before the response ended', async () => {
    queue.attemptsStarted = 1
    await answer((tasks) => open().addTask(tasks, 'send', 'ada@example.com'))
    expect(queue.asked()).toEqual(['add', 'getJob'])
    const task = { name: 'receipt', args: ['r1'], jobId: 'receipt-r1' } as const
    await answer((tasks) => open().addTask(tasks, task))
    expect(queue.asked()).toEqual(['add', 'getJob', 'add', 'getJob'])
    expect(reported).toEqual([])
  })

  it('leaves out a job that has run and gone before the response ended', async () => {
    const runAll = (): void => {
      for (const id of Object.keys(queue.jobs)) delete queue.jobs[id]
    }
    const task = { name: 'receipt', args: ['r1'], jobId: 'receipt-r1' } as const
    await answer((tasks) => open().addTask(tasks, 'send', 'ada@example.com').then(runAll))
    await answer((tasks) => open().addTask(tasks, task).then(runAll))
    expect(queue.asked()).toEqual(['add', 'getJob', 'add', 'getJob'])
    expect(reported).toEqual([])
  })

  it('promotes jobs in their order, before the tasks that run in this process', async () => {
    const calls: string[] = []
    queue.answers['promote'] = () => calls.push('promoted')
    const gate = newGate()
    const answered = answer(async (tasks) => {
      tasks.addTask(async () => {
        calls.push('slow')
        await gate.promise
      })
      await open().addTask(tasks, 'send', 'ada@example.com')
      await open().addTask(tasks, 'send', 'grace@example.com')
    })
    await vi.waitFor(() => expect(calls).toEqual(['promoted', 'promoted', 'slow']))
    gate.resolve()
    const results = await answered
    expect(results.map(({ name }) => name)).toEqual(['emails.send', 'emails.send', 'anonymous'])
  })

  it('promotes a job that a running task adds in its turn', async () => {
    const calls: string[] = []
    queue.answers['promote'] = () => calls.push('promoted')
    await answer((tasks) => {
      tasks.addTask(async () => {
        await open().addTask(tasks, 'send', 'ada@example.com')
      })
      tasks.addTask(() => calls.push('next'))
    })
    expect(calls).toEqual(['next', 'promoted'])
  })

  it('reports a job that cannot be promoted, once, and runs the tasks after it', async () => {
    queue.answers['promote'] = gone
    const after = vi.fn<() => void>()
    const results = await answer(async (tasks) => {
      await open().addTask(tasks, 'send', 'ada@example.com')
      tasks.addTask(after)
    })
    expect(reported).toEqual([['emails.send', 'The queue is gone', []]])
    expect(after).toHaveBeenCalledOnce()
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(queue.asked()).toEqual(['add', 'getJob', 'updateData', 'promote'])
  })

  it('does not hold up the tasks after it when the queue does not answer', async () => {
    queue.answers['promote'] = never
    const results = await answer(async (tasks) => {
      await open({ storeTimeout: 10 }).addTask(tasks, 'send', 'ada@example.com')
      tasks.addTask(() => {})
    })
    expect(reported).toEqual([['emails.send', 'no answer within 10 ms', []]])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })

  it('promotes the job that a task has added which then fails', async () => {
    await answer((tasks) => {
      tasks.addTask({
        name: 'broken',
        run: () => open().addTask(tasks, 'send', 'ada@example.com').then(gone),
      })
    })
    await vi.waitFor(() =>
      expect(queue.asked()).toEqual(['add', 'getJob', 'updateData', 'promote']),
    )
    expect(reported).toEqual([['broken', 'The queue is gone', ['emails.send']]])
  })

  it('removes the job after a task that failed when the handler throws', async () => {
    await answer(async (tasks) => {
      tasks.addTask({ name: 'broken', run: gone, when: ['thrown'] })
      await open().addTask(tasks, 'send', 'ada@example.com')
      gone()
    })
    expect(queue.asked()).toEqual(['add', 'getState', 'remove'])
  })

  it('stores a job that has a jobId under another id until the response has ended', async () => {
    let id: string | undefined
    const backoff = { type: 'exponential', delay: 1000 }
    await answer(async (tasks) => {
      id = await open().addTask(tasks, { name: 'receipt', args: ['r1'], jobId: 'receipt-r1' })
    })
    expect(id).toBe('receipt-r1')
    const options = { attempts: 5, priority: 2, jobId: 'receipt-r1' }
    const keep = { removeOnComplete: true, removeOnFail: false }
    const standIn = { attempts: 10, backoff, priority: 2, ...keep, jobId: uuid }
    expect(queue.calls).toEqual([
      ['add', 'receipt', { args: ['r1'], standsFor: options }, { ...standIn, delay: 30_000 }],
      ['getJob', storedId()],
      ['add', 'receipt', { args: ['r1'], outcome: 'closed' }, options],
      ['remove', uuid],
    ])
    expect(queue.calls[3]).toEqual(['remove', storedId()])
  })

  it('does the same for one that has deduplication', async () => {
    const deduplication = { id: 'digest', ttl: 60_000 }
    await answer((tasks) => open().addTask(tasks, { name: 'send', args: ['a'], deduplication }))
    const [stored, , added, removed] = queue.calls
    expect(stored?.[3]).not.toHaveProperty('deduplication')
    expect(added).toEqual(['add', 'send', expect.anything(), { deduplication, jobId: uuid }])
    expect(removed).toEqual(['remove', storedId()])
    expect(added?.[3]).not.toHaveProperty('jobId', storedId())
  })

  it('rejects when the queue refuses the job, and makes sure that it is not stored', async () => {
    queue.answers['add'] = gone
    const tasks = new BackgroundTasks()
    const error = await open()
      .addTask(tasks, 'send', 'ada@example.com')
      .catch((thrown) => thrown)
    expect(error.message).toBe(
      'Cannot add emails.send: the queue has not stored it (The queue is gone), answer 503',
    )
    expect(error.cause).toEqual(new Error('The queue is gone'))
    expect(tasks.tasks).toEqual([])
    await vi.waitFor(() => expect(queue.asked()).toEqual(['add', 'remove']))
    expect(queue.calls[1]).toEqual(['remove', storedId()])
  })

  it('rejects when the queue does not answer in time, and removes what it stores later', async () => {
    const { promise, resolve } = newGate()
    queue.answers['add'] = () => promise
    const adding = open({ storeTimeout: 10 }).addTask(new BackgroundTasks(), 'send', 'a')
    await expect(adding).rejects.toThrow(
      'Cannot add emails.send: the queue has not stored it (no answer within 10 ms), answer 503',
    )
    expect(queue.asked()).toEqual(['add'])
    resolve()
    await vi.waitFor(() => expect(queue.asked()).toEqual(['add', 'remove']))
  })

  it('waits as long as it takes with an infinite storeTimeout', async () => {
    const { promise, resolve } = newGate()
    queue.answers['add'] = () => promise
    const adding = open({ storeTimeout: Infinity }).addTask(new BackgroundTasks(), 'send', 'a')
    setTimeout(resolve, 20)
    expect(await adding).toEqual(uuid)
  })

  it('names the error of a queue that says nothing', async () => {
    queue.answers['add'] = () => Promise.reject(new AggregateError([]))
    await expect(open().addTask(new BackgroundTasks(), 'send', 'a')).rejects.toThrow(
      'the queue has not stored it (AggregateError), answer 503',
    )
  })

  it('tries again when it cannot remove it', async () => {
    queue.answers['add'] = gone
    queue.answers['remove'] = () => {
      delete queue.answers['remove']
      gone()
    }
    await expect(open().addTask(new BackgroundTasks(), 'send', 'a')).rejects.toThrow(
      'not stored it',
    )
    await vi.waitFor(() => expect(queue.asked()).toEqual(['add', 'remove', 'remove']), 4000)
  })

  it('refuses misuse before anything is stored', async () => {
    const emails = open()
    const list = new BackgroundTasks()
    const name = 'toString' as 'send'
    await expect(emails.addTask(list, name, 'a')).rejects.toThrow(
      new TypeError(
        'Cannot add emails.toString: durable() was not given that function, pass it there',
      ),
    )
    const noList = new Request('http://localhost') as unknown as BackgroundTasks
    await expect(emails.addTask(noList, 'send', 'a')).rejects.toThrow(
      new TypeError(
        'Cannot add emails.send: the list is an object, pass the BackgroundTasks of the request',
      ),
    )
    for (const [task, wrong] of [
      [null, 'the task is null, pass a name or { name, args }'],
      [undefined, 'the task is undefined, pass a name or { name, args }'],
      [Symbol('send'), 'the task is a symbol, pass a name or { name, args }'],
      [{ args: ['a'] }, 'the name of the task is undefined, pass a string'],
      [{ name: 7, args: ['a'] }, 'the name of the task is a number, pass a string'],
    ]) {
      await expect(emails.addTask(list, task as unknown as 'send', 'a')).rejects.toThrow(
        new TypeError(`Cannot add a job to emails: ${String(wrong)}`),
      )
    }
    const delayed = { name: 'send', args: ['a'], delay: 5 } as const
    await expect(emails.addTask(list, delayed)).rejects.toThrow(
      new TypeError('Cannot add emails.send: a job takes no delay here, use grace'),
    )
    for (const [given, wrong] of [
      [{ attemps: 5 }, 'there is no option attemps, check its spelling or leave it out'],
      [{ deduplication: null }, 'its deduplication.id is undefined, pass a text'],
    ] as const) {
      const task = { name: 'send', args: ['a'], ...given } as unknown as DurableTask<
        'send',
        [string]
      >
      await expect(emails.addTask(list, task)).rejects.toThrow(
        new TypeError(`Cannot add emails.send: ${wrong}`),
      )
    }
    await expect(emails.addTask(list, 'anything', 'a', { secret: 1n })).rejects.toThrow(
      new TypeError(
        'Cannot add emails.anything: argument 2 holds a bigint, which JSON does not keep, pass plain data',
      ),
    )
    expect(queue.calls).toEqual([])
    expect(list.tasks).toEqual([])
  })
})

function job(name: string, data: unknown): Job {
  return { id: '7', name, data, opts: { removeOnFail: true } } as Job
}

describe('Durable.processor', () => {
  const run = vi.fn<(...args: unknown[]) => unknown>()
  const jobs = (): ReturnType<typeof durable> =>
    durable(queue as unknown as DurableQueue, { plain: run as () => void, given: { run } })
  beforeEach(() => {
    run.mockReset()
  })

  it('calls the function with the arguments alone, or with the context before them', async () => {
    const { signal } = new AbortController()
    expect(await jobs().processor(job('plain', { args: [1, 'b'] }), 'token', signal)).toBe(
      undefined,
    )
    const given = job('given', { args: [1], outcome: 'closed' })
    await jobs().processor(given, 'token', signal)
    await jobs().processor(job('given', { args: [] }))
    const late = { signal: expect.any(AbortSignal), outcome: undefined, job: expect.anything() }
    expect(run.mock.calls).toEqual([
      [1, 'b'],
      [{ signal, outcome: 'closed', job: given }, 1],
      [late],
    ])
  })

  it('gives its signal to a function of workerThread()', async () => {
    const { signal } = new AbortController()
    const onThread = Object.defineProperty(() => {}, withContext, { value: run })
    const { processor } = durable(queue as unknown as DurableQueue, { onThread })
    await processor(job('onThread', { args: [1] }), 'token', signal)
    expect(run).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ signal }), 1)
  })

  it('asks BullMQ for its signal by its number of parameters', () => {
    expect(jobs().processor).toHaveLength(3)
  })

  it('waits for the function and rejects as it does, so that BullMQ tries again', async () => {
    run.mockImplementation(() => Promise.reject(new Error('mailbox full')))
    await expect(jobs().processor(job('plain', { args: [] }))).rejects.toThrow('mailbox full')
  })

  it('fails for good on a name that it does not know and on data of another shape', async () => {
    for (const name of ['constructor', '__proto__', 'other']) {
      const unknown = job(name, { args: [] })
      const failing = jobs().processor(unknown)
      await expect(failing).rejects.toThrow(UnrecoverableError)
      await expect(failing).rejects.toThrow(
        `Cannot run job 7: durable() was not given a function ${name}, pass it there and retry the job`,
      )
      expect(unknown.opts.removeOnFail).toBe(false)
    }
    for (const data of [
      undefined,
      null,
      'text',
      [],
      {},
      { args: 'text' },
      { args: { length: 1 } },
    ]) {
      const malformed = job('plain', data)
      const failing = jobs().processor(malformed)
      await expect(failing).rejects.toThrow(UnrecoverableError)
      await expect(failing).rejects.toThrow('Cannot run job 7: its data is not { args: [...] }')
      expect(malformed.opts.removeOnFail).toBe(false)
    }
    expect(run).not.toHaveBeenCalled()
  })

  it('adds the job that a stand-in stands for, and runs nothing', async () => {
    const standsFor = { jobId: 'welcome-7', attempts: 5 }
    await jobs().processor(job('plain', { args: [1], standsFor }))
    expect(queue.calls).toEqual([['add', 'plain', { args: [1] }, standsFor]])
    expect(run).not.toHaveBeenCalled()
  })
})
