import * as fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type BackgroundTask,
  type BackgroundTaskError,
  BackgroundTasks,
  type Outcome,
  type TaskContext,
  withBackgroundTasks,
  type WrapOptions,
} from '../src/index.ts'
import { newGate } from './support/gate.ts'
import { takeInFlight, watchReports } from './support/reports.ts'
import { ModelTree, RealTree, treeSpec } from './support/task-tree.ts'
import { microtasks, turn } from './support/turn.ts'
import { everyOutcome } from './support/witness.ts'

watchReports()

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

const minute = 60_000

/** How a body comes into being. */
interface BodySpec {
  readonly chunks: readonly Uint8Array[]
  /** At once, or each chunk when it is asked for, with or without waiting for something. */
  readonly pace: 'pushed' | 'pulled' | 'awaited'
  readonly end: 'close' | 'error' | 'never'
}

/** What becomes of it: so many reads, and then one of these, while other things happen. */
interface UseSpec {
  readonly reads: number
  readonly finally: 'read on' | 'cancel' | 'leave alone'
  readonly wrap: 'wrap' | 'wrap twice' | 'wrap by two' | 'handler'
  readonly abort: 'never' | 'before' | 'between' | 'after'
  readonly completed: 'none' | 'fulfils' | 'rejects'
}

interface TaskSpec {
  readonly kind: 'sync' | 'async' | 'throws' | 'rejects' | 'hangs' | 'adds' | 'cancelled'
  readonly when: readonly Outcome[]
}

const bodySpec: fc.Arbitrary<BodySpec> = fc.record({
  chunks: fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 5 }),
  pace: fc.constantFrom('pushed', 'pulled', 'awaited'),
  end: fc.constantFrom('close', 'close', 'error', 'never'),
})

const useSpec: fc.Arbitrary<UseSpec> = fc.record({
  reads: fc.integer({ min: 0, max: 4 }),
  finally: fc.constantFrom('read on', 'read on', 'cancel', 'leave alone'),
  wrap: fc.constantFrom('wrap', 'wrap twice', 'wrap by two', 'handler'),
  abort: fc.constantFrom('never', 'never', 'before', 'between', 'after'),
  completed: fc.constantFrom('none', 'none', 'none', 'fulfils', 'rejects'),
})

const taskSpecs: fc.Arbitrary<TaskSpec[]> = fc.array(
  fc.record<TaskSpec>({
    kind: fc.constantFrom('sync', 'async', 'throws', 'rejects', 'hangs', 'adds', 'cancelled'),
    when: fc.subarray([...everyOutcome], { minLength: 1 }),
  }),
  { maxLength: 5 },
)

function newBody({ chunks, pace, end }: BodySpec): ReadableStream<Uint8Array> {
  let index = 0
  const give = (controller: ReadableStreamDefaultController<Uint8Array>): boolean => {
    const chunk = chunks[index]
    index += 1
    if (chunk !== undefined) controller.enqueue(chunk)
    else if (end === 'close') controller.close()
    else if (end === 'error') controller.error('broken')
    return chunk !== undefined
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (pace === 'pushed') while (give(controller));
      },
      async pull(controller) {
        if (pace === 'pushed') return
        if (pace === 'awaited') await undefined
        try {
          give(controller)
        } catch {
          // Cancelled while it waited.
        }
      },
    },
    { highWaterMark: 0 },
  )
}

/** A list, and how often each of its tasks has run, in which the failures are noted. */
class Tasks {
  readonly errors: BackgroundTaskError[] = []
  readonly runs = new Map<BackgroundTask, TaskContext[]>()
  readonly list: BackgroundTasks

  constructor(specs: readonly TaskSpec[], concurrency: number, failure: 'stop' | 'continue') {
    const onError = (error: BackgroundTaskError): unknown => this.errors.push(error)
    this.list = new BackgroundTasks([], { concurrency, failure, timeout: 50, onError })
    for (const spec of specs) this.add(spec)
  }

  add({ kind, when }: TaskSpec): void {
    const contexts: TaskContext[] = []
    const task = this.list.addTask({
      when,
      run: (context) => {
        contexts.push(context)
        return this.#perform(kind)
      },
    })
    this.runs.set(task, contexts)
    if (kind === 'cancelled') task.cancel()
  }

  #perform(kind: TaskSpec['kind']): unknown {
    if (kind === 'async') return microtasks()
    if (kind === 'throws') throw new Error('bug')
    if (kind === 'rejects') return microtasks().then(() => Promise.reject(new Error('bug')))
    if (kind === 'hangs') return new Promise(() => {})
    if (kind === 'adds') this.add({ kind: 'async', when: everyOutcome })
    return undefined
  }

  /** Each task ended once, ran at most once, and is in the results once. */
  async check(): Promise<Outcome> {
    const results = await this.list.finished
    const added = this.list.tasks as BackgroundTask[]
    const count = (status: string): number =>
      results.filter((result) => result.status === status).length
    expect(results).toHaveLength(added.length)
    expect(count('fulfilled') + count('rejected') + count('skipped')).toBe(added.length)
    expect(this.errors).toHaveLength(count('rejected'))
    expect(added.map(({ status }) => status)).toEqual(results.map(({ status }) => status))
    for (const task of added) {
      expect(this.runs.get(task)).toHaveLength(task.status === 'skipped' ? 0 : 1)
    }
    const outcomes = new Set(results.map(({ outcome }) => outcome))
    const [outcome = 'closed'] = outcomes
    expect(outcomes.size).toBeLessThanOrEqual(1)
    return outcome
  }
}

/** Reads at most so often; what it has got, and how that has ended. */
async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  times: number,
  received: Uint8Array[],
): Promise<'open' | 'done' | 'failed'> {
  for (let reads = 0; reads < times; reads += 1) {
    try {
      const { done, value } = await reader.read()
      if (done) return 'done'
      received.push(value)
    } catch {
      return 'failed'
    }
  }
  return 'open'
}

async function play(
  body: BodySpec,
  use: UseSpec,
  specs: readonly TaskSpec[],
  { concurrency, failure }: { concurrency: number; failure: 'stop' | 'continue' },
): Promise<void> {
  const client = new AbortController()
  if (use.abort === 'before') client.abort('gone')
  const request = new Request('http://localhost/', { signal: client.signal })
  const completed = newGate()
  const tasks = new Tasks(specs, concurrency, failure)
  const outer = new Tasks(specs, concurrency, failure)
  const wrapOptions: WrapOptions = { request }
  // A handler finds the signal of its host by itself.
  const signal = use.wrap === 'handler' ? 'none' : use.completed
  if (signal !== 'none') {
    wrapOptions.completed = completed.opened.then(() =>
      signal === 'rejects' ? Promise.reject('cut') : undefined,
    )
  }
  const source = new Response(newBody(body))
  let response = source
  if (use.wrap === 'handler') {
    const handle = withBackgroundTasks((list, _request: Request) => {
      list.addTask(tasks.list)
      return source
    })
    response = await handle(request)
  } else {
    response = tasks.list.wrap(source, wrapOptions)
    if (use.wrap === 'wrap twice') response = tasks.list.wrap(response, wrapOptions)
    if (use.wrap === 'wrap by two') response = outer.list.wrap(response, wrapOptions)
  }

  const received: Uint8Array[] = []
  const reader = response.body?.getReader()
  if (reader === undefined) throw new Error('The response has no body')
  const reading = read(reader, use.reads, received)
  await microtasks()
  if (use.abort === 'between') client.abort('gone')
  const started = await Promise.race([reading, microtasks()])
  let end: string = started ?? 'waiting'
  if (use.finally === 'cancel') {
    await reader.cancel('enough').catch(() => {})
  } else if (use.finally === 'read on' && end === 'open') {
    const rest = read(reader, Infinity, received)
    end = (await Promise.race([rest, turn()])) ?? 'waiting'
  }
  completed.open()
  await turn()
  if (use.abort === 'after') client.abort('gone')
  // All that a timer can still do: to give up on readers, bodies and tasks.
  await vi.advanceTimersByTimeAsync(11_000)
  await turn()
  // What is left hangs on a source or a reader that has stopped in the middle, for ever.
  await reader.cancel('at last').catch(() => {})
  await turn()
  for (let round = 0; round < 2 * specs.length; round += 1) {
    await vi.advanceTimersByTimeAsync(60)
    await microtasks()
  }

  const sent = Buffer.concat(body.chunks)
  expect(sent.subarray(0, Buffer.concat(received).length)).toEqual(Buffer.concat(received))
  if (end === 'done' && use.finally === 'read on') {
    expect(body.end).toBe('close')
    expect(Buffer.concat(received)).toEqual(sent)
  }
  const outcome = await tasks.check()
  if (use.wrap === 'wrap by two') {
    const outerOutcome = await outer.check()
    if (specs.length > 0) expect(outerOutcome).toBe(outcome)
  }
  if (specs.length === 0) return
  const possible: Record<Outcome, boolean> = {
    closed: end === 'done' || signal === 'fulfils',
    cancelled:
      use.finally === 'cancel' || use.abort !== 'never' || end !== 'done' || signal === 'rejects',
    errored: body.end === 'error' && end === 'failed',
    unread: use.reads === 0 && signal === 'none',
    thrown: false,
  }
  expect({ outcome, isPossible: possible[outcome] }).toEqual({ outcome, isPossible: true })
}

describe('Whatever a body, its reader and its client do', () => {
  it(
    'the bytes are identical, and each task ends exactly once',
    async () => {
      const options = fc.record({
        concurrency: fc.constantFrom(1, 2, Infinity),
        failure: fc.constantFrom('stop' as const, 'continue' as const),
      })
      await fc.assert(fc.asyncProperty(bodySpec, useSpec, taskSpecs, options, play), {
        numRuns: 150,
      })
    },
    minute,
  )
})

describe('Whatever lists are made of', () => {
  it(
    'they do what the model does',
    async () => {
      await fc.assert(
        fc.asyncProperty(treeSpec, async ({ nodes, steps }) => {
          const [real, model] = [new RealTree(nodes), new ModelTree(nodes)]
          const { outermost } = real
          const running = outermost.run().catch(() => {})
          model.run()
          const compare = async (): Promise<void> => {
            await microtasks()
            expect(real.log).toEqual(model.log)
            expect(real.statuses()).toEqual(model.statuses())
          }
          await compare()
          for (const { kind, pick } of steps) {
            if (kind === 'end') {
              const index = pickFrom(model.running(), pick)
              real.end(index)
              model.end(index)
            } else if (kind === 'cancel') {
              const index = pick % real.nodes.length
              real.cancel(index)
              model.cancel(index)
            } else {
              const index = pickFrom(model.open(), pick)
              const spec = {
                isList: false,
                isSync: pick % 2 === 0,
                fails: pick % 3 === 0,
                isForAnother: false,
              } as const
              real.addTo(index, spec)
              model.addTo(index, spec)
            }
            await compare()
          }
          for (let left = model.running(); left.length > 0; left = model.running()) {
            real.end(pickFrom(left, 0))
            model.end(pickFrom(left, 0))
            await compare()
          }
          await running
          const results = await outermost.finished
          expect(results.map(({ name, status }) => `${name} ${status}`)).toEqual(model.results())
          expect(takeInFlight(), 'left in flight').toEqual([])
          for (const [name, peak] of model.peaks) {
            const spec = nodes[Number(name)]
            expect(peak).toBeLessThanOrEqual(spec?.isList === true ? spec.concurrency : 0)
          }
        }),
        { numRuns: 500 },
      )
    },
    minute,
  )
})

function pickFrom(indices: readonly number[], pick: number): number {
  return indices[pick % indices.length] ?? -1
}
