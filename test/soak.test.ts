import { describe, expect, it } from 'vitest'
import {
  BackgroundTask,
  type BackgroundTaskError,
  BackgroundTasks,
  type BackgroundTasksOptions,
  drain,
  type Outcome,
  type TaskContext,
  type TaskResult,
  withBackgroundTasks,
} from '../src/index.ts'
import { send } from './support/client.ts'
import { newRandom, type Random } from './support/random.ts'
import { takePrinted, watchReports } from './support/reports.ts'
import { serve } from './support/serve.ts'
import { everyOutcome } from './support/witness.ts'

watchReports()

const requests = 15_000
const clients = 40
/** `SOAK_SEED=12 npx vitest run test/soak.test.ts` is another hour of faults. */
const seed = Number(process.env['SOAK_SEED'] ?? 1)

const behaviours = [
  'returns',
  'resolves',
  'throws',
  'throws undefined',
  'rejects',
  'hangs',
  'rejects after its timeout',
  'adds a task',
  'cancels a task',
  'waits',
] as const
const bodies = ['none', 'text', 'stream', 'failing stream', 'endless stream'] as const
const doors = ['handler', 'wrap', 'both', 'dropped', 'throws', 'throws a response'] as const
const statuses = ['fulfilled', 'rejected', 'skipped'] as const
const leavings = ['reads', 'vanishes at once', 'vanishes after the head', 'sends HEAD'] as const

/** What is known of one task: what was expected of it, and what has become of it. */
interface Entry {
  readonly task: BackgroundTask
  runs: number
  /** What it has thrown, if it has. */
  thrown?: { readonly error: unknown }
}

/** All that the server was asked to do, in one process. */
class Ledger {
  readonly records = new Map<string, Entry>()
  readonly lists: BackgroundTasks[] = []
  readonly reported: BackgroundTaskError[] = []
  /** Those for which `onError` has failed itself. */
  readonly refused: BackgroundTaskError[] = []
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  newOptions(): BackgroundTasksOptions {
    return {
      concurrency: this.#random.pick([1, 1, 2, 3, Infinity]),
      failure: this.#random.pick(['stop', 'continue']),
      timeout: 20,
      when: this.#random.pick([everyOutcome, everyOutcome, ['closed'], ['cancelled', 'errored']]),
      onError: (error) => {
        this.reported.push(error)
        if (this.#random.below(10) > 0) return
        this.refused.push(error)
        throw error
      },
    }
  }

  /** Adds up to six tasks, some of them in a list of their own. */
  populate(list: BackgroundTasks): BackgroundTasks {
    this.lists.push(list)
    for (let count = this.#random.below(6); count >= 0; count -= 1) {
      if (this.#random.below(8) > 0) this.add(list)
      else list.addTask(this.populate(new BackgroundTasks([], this.newOptions())))
    }
    return list
  }

  add(list: BackgroundTasks): void {
    const behaviour = this.#random.pick(behaviours)
    const name = `${this.records.size} ${behaviour}`
    const run = (context: TaskContext): unknown => {
      record.runs += 1
      return this.#behave(behaviour, list, record, context)
    }
    const record: Entry = { task: list.addTask({ name, run }), runs: 0 }
    this.records.set(name, record)
  }

  #behave(
    behaviour: (typeof behaviours)[number],
    list: BackgroundTasks,
    record: Entry,
    { signal }: TaskContext,
  ): unknown {
    const fail = (error: unknown): never => {
      record.thrown = { error }
      throw error
    }
    switch (behaviour) {
      case 'returns':
        return undefined
      case 'resolves':
        return Promise.resolve()
      case 'throws':
        return fail(Object.freeze(new Error('bug')))
      case 'throws undefined':
        return fail(undefined)
      case 'rejects':
        return wait(this.#random.below(5)).then(() => fail(new Error('bug')))
      case 'hangs':
        return new Promise(() => {})
      case 'rejects after its timeout':
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => setTimeout(reject, 5, new Error('too late')))
        })
      case 'adds a task':
        return this.add(list)
      case 'cancels a task': {
        const others = list.tasks.filter((task) => task instanceof BackgroundTask)
        return this.#random.pick(others).cancel()
      }
      case 'waits':
        return wait(this.#random.below(10))
    }
  }
}

/** The body of an answer; what is endless ends with its reader. */
function newBody(
  kind: (typeof bodies)[number],
  random: Random,
): ConstructorParameters<typeof Response>[0] {
  if (kind === 'none') return null
  if (kind === 'text') return 'text'.repeat(random.below(1000))
  let chunks = 0
  const end = random.below(5)
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await wait(random.below(3))
      if (kind === 'endless stream' || chunks++ < end) controller.enqueue(new Uint8Array(1024))
      else if (kind === 'stream') controller.close()
      else throw new Error('the source fails')
    },
  })
}

function newHandler(
  ledger: Ledger,
  random: Random,
  plans: Map<string, Plan>,
): (request: Request, context: never) => Promise<Response> {
  return async (request, context) => {
    const { door, body } = plans.get(new URL(request.url).pathname) ?? {}
    if (door === undefined || body === undefined) return new Response(null, { status: 404 })
    await wait(random.below(5))
    const response = new Response(newBody(body, random), { status: body === 'none' ? 204 : 200 })
    const wrap = (given: Response): Response =>
      ledger
        .populate(new BackgroundTasks([], ledger.newOptions()))
        .wrap(given, { request, unreadTimeout: 50 })
    if (door === 'wrap') return wrap(response)
    if (door === 'dropped') {
      wrap(new Response('for nobody'))
      return response
    }
    const handle = withBackgroundTasks((tasks, _request: Request, _context: never) => {
      ledger.populate(tasks)
      if (door === 'throws') throw new Error('the handler fails')
      if (door === 'throws a response') throw response
      return door === 'both' ? wrap(response) : response
    }, ledger.newOptions())
    try {
      return await handle(request, context)
    } catch (error) {
      if (error instanceof Response) return error
      return new Response(null, { status: 500 })
    }
  }
}

interface Plan {
  readonly door: (typeof doors)[number]
  readonly body: (typeof bodies)[number]
  readonly leaving: (typeof leavings)[number]
}

function newPlan(random: Random): Plan {
  const leaving = random.pick(leavings)
  const waits = leaving === 'reads' || leaving === 'sends HEAD'
  const body = random.pick(waits ? bodies.slice(0, 4) : bodies)
  return { door: random.pick(doors), body, leaving }
}

async function visit(port: number, path: string, { leaving }: Plan): Promise<void> {
  const method = leaving === 'sends HEAD' ? 'HEAD' : 'GET'
  const { socket, received, response } = await send({ port, path, method })
  if (leaving === 'vanishes after the head') await Promise.race([received(1), response])
  if (leaving === 'reads' || leaving === 'sends HEAD') await response
  socket.destroy()
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

describe(
  `${requests} requests with faults of all kinds, seed ${seed}`,
  { timeout: 120_000 },
  () => {
    it('end each task once, report each failure once, and leave nothing', async () => {
      const random = newRandom(seed)
      const ledger = new Ledger(random)
      const plans = new Map<string, Plan>()
      const { port } = await serve(newHandler(ledger, random, plans) as never)
      await Promise.all(
        Array.from({ length: clients }, async () => {
          while (plans.size < requests) {
            const path = `/${plans.size}`
            const plan = newPlan(random)
            plans.set(path, plan)
            await visit(port, path, plan)
          }
        }),
      )
      // A request whose client has vanished may be on its way to the handler.
      const results: TaskResult[] = []
      for (let seen = -1; seen < ledger.lists.length;) {
        seen = ledger.lists.length
        await wait(100)
        expect((await drain()).abandoned).toEqual([])
      }
      for (const { task } of ledger.records.values()) results.push(await task.finished)

      const count = (status: TaskResult['status']): number =>
        results.filter((result) => result.status === status).length
      const counts = statuses.map(count)
      const shown = statuses.map((status, index) => `${counts[index]} ${status}`)
      console.log(`${ledger.records.size} added = ${shown.join(' + ')}`)
      expect(counts.reduce((one, other) => one + other)).toBe(ledger.records.size)
      expect(Math.min(...counts)).toBeGreaterThan(requests / 10)
      expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set<Outcome>(everyOutcome))

      const reports = new Map(ledger.reported.map((error) => [error.task, error]))
      expect(reports.size).toBe(ledger.reported.length)
      expect([...reports.keys()].toSorted()).toEqual(
        results.flatMap(({ name, status }) => (status === 'rejected' ? [name] : [])).toSorted(),
      )
      const skipped = ledger.reported.flatMap((error) => error.skipped)
      expect(new Set(skipped).size).toBe(skipped.length)
      for (const name of skipped) expect(ledger.records.get(name)?.task.status).toBe('skipped')

      for (const { name, status, error } of results) {
        const record = ledger.records.get(name)
        expect(record?.runs, name).toBe(status === 'skipped' ? 0 : 1)
        if (status !== 'rejected') continue
        expect(Object.is(reports.get(name)?.cause, error), name).toBe(true)
        if (error instanceof DOMException) continue
        expect(Object.is(record?.thrown?.error, error), name).toBe(true)
      }
      // Each failure of `onError` is printed beside the failure it was told.
      const printed = takePrinted()
      expect(printed.length).toBe(ledger.refused.length)
      expect(printed.every(([error, failure]) => error === failure)).toBe(true)
      expect(new Set(printed.flat())).toEqual(new Set(ledger.refused))
    })
  },
)
