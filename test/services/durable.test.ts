import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { durable, type DurableContext } from 'background-tasks/bullmq'
import { workerThread } from 'background-tasks/worker-threads'
import { eventually } from './programs.ts'
import { connect, servers } from './queue.ts'
import type { Service } from './service.ts'

/** Longer than any test: what runs has been promoted. */
const grace = 600_000

describe.each(servers)('durable() on $name', ({ server, start }) => {
  let service: Service
  let openQueue: ReturnType<typeof connect>['openQueue']
  let openWorker: ReturnType<typeof connect>['openWorker']
  const opened: { close: () => Promise<void> }[] = []
  beforeAll(async () => {
    service = await start()
    const connected = connect(server, service.port)
    openQueue = (...args) => track(connected.openQueue(...args))
    openWorker = (...args) => track(connected.openWorker(...args))
  })
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()))
    await service.stop()
  })

  function track<Opened extends { close: () => Promise<void> }>(one: Opened): Opened {
    opened.push(one)
    return one
  }

  let name: string
  let ran: unknown[][]
  let queue: ReturnType<typeof openQueue>
  beforeEach(() => {
    name = `emails-${opened.length}`
    ran = []
    queue = openQueue(name)
  })

  const functions = {
    send: (email: string, times?: number) => void ran.push([email, times]),
    note: {
      attempts: 2,
      backoff: 1,
      run: ({ outcome, job }: DurableContext, text: string) => {
        ran.push([text, outcome, job.attemptsMade])
        if (text === 'twice' && job.attemptsMade === 0) throw new Error('the first time')
      },
    },
  }

  /** Answers one request, and waits until its tasks have ended. */
  async function answer(handle: (tasks: BackgroundTasks) => unknown): Promise<BackgroundTasks> {
    let list: BackgroundTasks | undefined
    const handler = withBackgroundTasks(
      async (tasks) => {
        list = tasks
        await handle(tasks)
        return new Response('accepted', { status: 202 })
      },
      { onError: (error) => ran.push(['reported', error.task, String(error.cause)]) },
    )
    await handler().then(
      (response) => response.text(),
      () => {},
    )
    if (list === undefined) throw new Error('The handler was not called')
    await list.finished
    return list
  }

  it('stores the job before the response and runs it after', async () => {
    const emails = durable(queue, functions, { grace })
    const worker = vi.fn<typeof emails.processor>(emails.processor)
    openWorker(name, worker)
    let id = ''
    const list = await answer(async (tasks) => {
      id = await emails.addTask(tasks, 'send', 'ada@example.com', 2)
      expect(await queue.getJobCounts('delayed')).toEqual({ delayed: 1 })
      const stored = await queue.getJob(id)
      expect([stored?.name, stored?.data, stored?.opts.delay]).toEqual([
        'send',
        { args: ['ada@example.com', 2] },
        grace,
      ])
      expect(worker).not.toHaveBeenCalled()
    })
    await eventually(() => ran.length > 0)
    expect(ran).toEqual([['ada@example.com', 2]])
    const [result] = await list.finished
    expect(result).toMatchObject({ name: `${name}.send`, status: 'fulfilled', outcome: 'closed' })
    await eventually(async () => (await queue.getJob(id))?.finishedOn !== undefined)
  })

  it('leaves out an optional argument that is undefined', async () => {
    const emails = durable(queue, functions, { grace })
    openWorker(name, emails.processor)
    await answer((tasks) => emails.addTask(tasks, 'send', 'ada@example.com', undefined))
    await eventually(() => ran.length > 0)
    expect(ran).toEqual([['ada@example.com', undefined]])
  })

  it('tells the function how the response ended', async () => {
    const emails = durable(queue, functions, { grace })
    openWorker(name, emails.processor)
    const handler = withBackgroundTasks(async (tasks) => {
      await emails.addTask(tasks, 'note', 'hello')
      return new Response(new ReadableStream())
    })
    const response = await handler()
    await response.body?.cancel()
    await eventually(() => ran.length > 0)
    expect(ran).toEqual([['hello', 'cancelled', 0]])
  })

  it('removes the job when the handler throws', async () => {
    const emails = durable(queue, functions, { grace })
    const list = await answer(async (tasks) => {
      await emails.addTask(tasks, 'send', 'ada@example.com')
      await emails.addTask(tasks, { name: 'send', args: ['bob@example.com'], jobId: 'bob' })
      throw new Error('the order was refused')
    })
    expect(Object.values(await queue.getJobCounts()).filter((count) => count > 0)).toEqual([])
    const results = await list.finished
    expect(results.map(({ status, outcome }) => [status, outcome])).toEqual([
      ['fulfilled', 'thrown'],
      ['fulfilled', 'thrown'],
    ])
  })

  it('runs one job for all requests that give the same jobId', async () => {
    const emails = durable(queue, functions, { grace })
    const send = (tasks: BackgroundTasks): Promise<string> =>
      emails.addTask(tasks, { name: 'send', args: ['ada@example.com'], jobId: 'welcome-1' })
    await Promise.all([answer(send), answer(send), answer(send)])
    openWorker(name, emails.processor)
    await eventually(async () => (await queue.getJobCounts('completed'))['completed'] === 1)
    await answer(async (tasks) => expect(await send(tasks)).toBe('welcome-1'))
    await emails.addTask(new BackgroundTasks(), 'send', 'later')
    expect(ran).toEqual([['ada@example.com', undefined]])
    expect(await queue.getJobCounts('waiting', 'delayed')).toEqual({ waiting: 0, delayed: 1 })
  })

  it('keeps the job of one request when another that gave the same jobId throws', async () => {
    const emails = durable(queue, functions, { grace })
    const send = (tasks: BackgroundTasks): Promise<string> =>
      emails.addTask(tasks, { name: 'send', args: ['ada@example.com'], jobId: 'welcome-1' })
    await answer(async (tasks) => {
      await send(tasks)
      // The other request comes and goes meanwhile.
      await answer(send)
      throw new Error('the order was refused')
    })
    openWorker(name, emails.processor)
    await eventually(() => ran.length > 0)
    expect(ran).toEqual([['ada@example.com', undefined]])
  })

  it('adds a job with a jobId when its grace is over, if nobody else does', async () => {
    const emails = durable(queue, functions, { grace: 1 })
    openWorker(name, emails.processor)
    await emails.addTask(new BackgroundTasks(), {
      name: 'note',
      args: ['alone'],
      jobId: 'note-1',
    })
    await eventually(async () => (await queue.getJob('note-1'))?.finishedOn !== undefined)
    expect(ran).toEqual([['alone', undefined, 0]])
    // Its stand-in has left nothing behind.
    await eventually(async () => (await queue.getJobCounts('completed'))['completed'] === 1)
  })

  it('lets the worker be quicker than the response, without an error', async () => {
    const emails = durable(queue, functions, { grace: 1 })
    openWorker(name, emails.processor)
    await answer(async (tasks) => {
      await emails.addTask(tasks, 'note', 'early')
      await eventually(async () => (await queue.getJobCounts('completed'))['completed'] === 1)
    })
    expect(ran).toEqual([['early', undefined, 0]])
  })

  it('leaves a job to its backoff that has failed before the response ends', async () => {
    const emails = durable(queue, functions, { grace: 100 })
    openWorker(name, emails.processor)
    let id = ''
    await answer(async (tasks) => {
      const again = { attempts: 2, backoff: 60_000 }
      id = await emails.addTask(tasks, { name: 'note', args: ['twice'], ...again })
      await eventually(async () => (await queue.getJob(id))?.attemptsMade === 1)
    })
    // Had it been promoted, it would be the first to run of the two.
    await answer((tasks) => emails.addTask(tasks, 'send', 'ada@example.com'))
    await eventually(() => ran.length > 1)
    expect(ran).toEqual([
      ['twice', undefined, 0],
      ['ada@example.com', undefined],
    ])
    expect(await (await queue.getJob(id))?.getState()).toBe('delayed')
    expect((await queue.getJob(id))?.data).toEqual({ args: ['twice'] })
  })

  it('does not add a job with a jobId again that has run and gone before the response ends', async () => {
    const emails = durable(queue, functions, { grace: 1 })
    openWorker(name, emails.processor)
    await answer(async (tasks) => {
      const options = { jobId: 'welcome-1', removeOnComplete: true }
      await emails.addTask(tasks, { name: 'note', args: ['once'], ...options })
      await eventually(
        async () => ran.length > 0 && (await queue.getJob('welcome-1')) === undefined,
      )
    })
    await answer((tasks) => emails.addTask(tasks, 'send', 'ada@example.com'))
    await eventually(() => ran.length > 1)
    expect(ran).toEqual([
      ['once', undefined, 0],
      ['ada@example.com', undefined],
    ])
  })

  it('keeps a job that has run before the handler throws', async () => {
    const emails = durable(queue, functions, { grace: 1 })
    openWorker(name, emails.processor)
    await answer(async (tasks) => {
      await emails.addTask(tasks, 'note', 'early')
      await eventually(async () => (await queue.getJobCounts('completed'))['completed'] === 1)
      throw new Error('too late')
    })
    expect(ran).toEqual([['early', undefined, 0]])
    expect(await queue.getJobCounts('completed')).toEqual({ completed: 1 })
  })

  it('runs the job although a task added before it fails', async () => {
    const emails = durable(queue, functions, { grace })
    openWorker(name, emails.processor)
    await answer(async (tasks) => {
      tasks.addTask(function broken() {
        throw new Error('broken')
      })
      await emails.addTask(tasks, 'note', 'beside a failure')
    })
    await eventually(() => ran.length > 1)
    // A worker may have the job before this process comes to its own task.
    expect(ran.toSorted()).toEqual([
      ['beside a failure', 'closed', 0],
      ['reported', 'broken', 'Error: broken'],
    ])
  })

  it('hands on attempts and backoff of the function, which options of the job override', async () => {
    const emails = durable(queue, functions, { grace })
    openWorker(name, emails.processor)
    await answer((tasks) => emails.addTask(tasks, 'note', 'twice'))
    await eventually(() => ran.length === 2)
    await answer((tasks) => emails.addTask(tasks, { name: 'note', args: ['twice'], attempts: 1 }))
    await eventually(async () => (await queue.getJobCounts('failed'))['failed'] === 1)
    expect(ran).toEqual([
      ['twice', 'closed', 0],
      ['twice', 'closed', 1],
      ['twice', 'closed', 0],
    ])
  })

  it('hands on the priority, and the rate limit of the worker', async () => {
    const emails = durable(queue, functions, { grace })
    for (const [email, priority] of Object.entries({ last: 3, first: 1, second: 2 })) {
      await answer((tasks) => emails.addTask(tasks, { name: 'send', args: [email], priority }))
    }
    openWorker(name, emails.processor, { limiter: { max: 2, duration: 600_000 } })
    await eventually(async () => (await queue.getJobCounts('completed'))['completed'] === 2)
    expect(ran.map(([email]) => email)).toEqual(['first', 'second'])
  })

  it('fails a job of an unknown name or with other data, once, and keeps it', async () => {
    queue = openQueue(name, { defaultJobOptions: { removeOnFail: true } })
    const emails = durable(queue, functions, { grace })
    openWorker(name, emails.processor, { removeOnFail: { count: 0 } })
    await queue.add('toString', { args: [] }, { attempts: 3, jobId: 'unknown' })
    await queue.add(
      'send',
      { email: 'ada@example.com' },
      { attempts: 3, jobId: 'other', removeOnFail: { age: 0 } },
    )
    await queue.add('send', null, { attempts: 3, jobId: 'none', removeOnFail: 0 })
    await eventually(async () => (await queue.getJobCounts('failed'))['failed'] === 3)
    const failed = (await queue.getFailed()).map((job) => [job.attemptsMade, job.failedReason])
    expect(failed).toEqual(
      expect.arrayContaining([
        [1, expect.stringContaining('durable() was not given a function toString')],
        [1, expect.stringContaining('Cannot run job other: its data is not')],
        [1, expect.stringContaining('Cannot run job none: its data is not')],
      ]),
    )
    expect(ran).toEqual([])
  })

  it('keeps the lock of a job that computes on a thread', async () => {
    const file = new URL('../bench/worker-threads-task.ts', import.meta.url)
    const compute = workerThread<{ compute: (milliseconds: number) => void }>(file, 'compute')
    const jobs = durable(queue, { compute }, { grace })
    // A lock that is not renewed would be over long before, and the other worker have the job.
    const options = { lockDuration: 1000, stalledInterval: 500 }
    openWorker(name, jobs.processor, options)
    openWorker(name, jobs.processor, options)
    let id = ''
    await answer(async (tasks) => {
      id = await jobs.addTask(tasks, 'compute', 3000)
    })
    await eventually(async () => (await queue.getJob(id))?.finishedOn !== undefined)
    expect(await queue.getJob(id)).toMatchObject({ attemptsStarted: 1, stalledCounter: 0 })
  })

  it('stores the deepest arguments, and text as it is', async () => {
    let deep: unknown = 'core'
    for (let level = 0; level < 1000; level += 1) deep = level % 2 === 0 ? [deep] : { deep }
    const taken = vi.fn<(...args: unknown[]) => void>()
    const jobs = durable(queue, { take: (...args: unknown[]) => taken(...args) }, { grace })
    openWorker(name, jobs.processor)
    const text = '"\\u0000 \u0001 \ufffe \u{1f600}'
    await answer((tasks) => jobs.addTask(tasks, 'take', deep, { [text]: text }))
    await eventually(() => taken.mock.calls.length > 0)
    expect(taken).toHaveBeenCalledExactlyOnceWith(deep, { [text]: text })
  })

  it('runs a job that BullMQ itself has added with the same data', async () => {
    const emails = durable(queue, functions, { grace })
    openWorker(name, emails.processor)
    await queue.add('send', { args: ['ada@example.com'] })
    await eventually(() => ran.length > 0)
    expect(ran).toEqual([['ada@example.com', undefined]])
  })
})
