/** Records what happens to each request, and tells it to every page that listens. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type BackgroundTask, BackgroundTasks, instrument, type TaskResult } from 'background-tasks'

/** What the page is told: the first one of a timeline is `request`. */
export type TimelineEvent =
  | {
      readonly type: 'request'
      readonly method: string
      readonly path: string
      /** Who asks: `curl`, `a browser`, `npm run demo`. */
      readonly client: string
      /** The code that runs. */
      readonly code: string
    }
  | { readonly type: 'returned'; readonly status: number; readonly hasBody: boolean }
  | { readonly type: 'thrown'; readonly error: string }
  | { readonly type: 'body'; readonly state: 'closed' | 'cancelled' | 'errored' }
  /** Over for the client: it has its last byte, as far as a server can tell, or it has left. */
  | { readonly type: 'client'; readonly state: 'complete' | 'left' }
  | {
      readonly type: 'task'
      readonly task: number
      readonly name: string
      readonly state: 'waiting' | 'running' | TaskResult['status']
      readonly error?: string
    }
  /** How the response ended, as the tasks are told. */
  | { readonly type: 'outcome'; readonly outcome: TaskResult['outcome'] }

interface Recorded {
  /** Of the request. */
  readonly id: string
  /** Milliseconds on the clock of the server. */
  readonly at: number
}

type TaskState = Extract<TimelineEvent, { readonly type: 'task' }>['state']
type RecordTask = (state: TaskState, error?: unknown) => void

/** Timelines that a page is told of when it is opened. */
const kept = 20
/** Bytes that a page may leave unread before it is given up on. */
const patience = 1_000_000

const current = new AsyncLocalStorage<Timeline>()
/** By the id of the request, the oldest first. */
const history = new Map<string, (TimelineEvent & Recorded)[]>()
const listeners = new Set<(event: TimelineEvent & Recorded) => void>()

/** That of the request whose handler or task asks. */
export function currentTimeline(): Timeline | undefined {
  return current.getStore()
}

/** One request. */
export class Timeline {
  /** The second task of each handler fails. */
  readonly shallFail: boolean
  readonly #id: string
  readonly #tasks = new Map<BackgroundTask, RecordTask>()
  #isOver = false

  /**
   * @param id As the page calls it, if it is the page that asks.
   * @param path Of the request.
   */
  constructor(id: string | null, path: string) {
    const isOwn = id === null || history.has(id) || !/^[\w-]{1,64}$/.test(id)
    this.#id = isOwn ? randomUUID() : id
    this.shallFail = /[?&]fail(?:&|=|$)/.test(path)
  }

  /** Calls `handler` and whatever it calls, its tasks too, as part of this timeline. */
  run<Result>(handler: () => Result): Result {
    return current.run(this, handler)
  }

  record(event: TimelineEvent): void {
    const events = history.get(this.#id) ?? []
    const recorded = { ...event, id: this.#id, at: performance.now() }
    events.push(recorded)
    history.set(this.#id, events)
    if (history.size > kept) history.delete(history.keys().next().value ?? '')
    for (const listener of listeners) listener(recorded)
  }

  /** What the handler has added so far. Those that are known already are not recorded again. */
  recordTasks({ tasks }: BackgroundTasks): void {
    for (const task of tasks) {
      if (task instanceof BackgroundTasks) this.recordTasks(task)
      else this.#find(task)
    }
  }

  /** Runs the task, and records when. */
  async observe(task: BackgroundTask, run: () => Promise<void>): Promise<void> {
    const record = this.#find(task)
    record('running')
    try {
      await run()
      record('fulfilled')
    } catch (error) {
      record('rejected', error)
      throw error
    }
  }

  #find(task: BackgroundTask): RecordTask {
    const known = this.#tasks.get(task)
    if (known !== undefined) return known
    const told = { type: 'task', task: this.#tasks.size, name: task.name } as const
    let last = ''
    const record: RecordTask = (state, error) => {
      last = state
      this.record({ ...told, state, ...(error === undefined ? {} : { error: messageOf(error) }) })
    }
    this.#tasks.set(task, record)
    record('waiting')
    void task.finished.then(({ status, outcome, error }) => {
      if (!this.#isOver) this.record({ type: 'outcome', outcome })
      this.#isOver = true
      // One that never ran is observed by nobody.
      if (last === 'waiting') record(status, error)
    })
    return record
  }
}

/** Records the tasks of every request from now on. */
export function recordTasks(): void {
  instrument((task, run) => currentTimeline()?.observe(task, run) ?? run())
}

/** Calls `listener` with what happens from now on. Returns the undo. */
export function listenToTimelines(listener: (event: TimelineEvent & Recorded) => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Server-sent events: what has happened, and then what happens. */
export function tellPage(res: ServerResponse): void {
  const tell = (event: object): void => {
    res.write(`data: ${JSON.stringify(event)}\n\n`)
    if (res.writableLength > patience) res.destroy()
  }
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  // A page that connects again, to a server that was started again perhaps, begins anew.
  tell({ type: 'hello', at: performance.now() })
  for (const event of [...history.values()].flat()) tell(event)
  res.once('close', listenToTimelines(tell))
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
