import * as core from 'background-tasks'
import {
  BackgroundTask,
  BackgroundTaskError,
  BackgroundTasks,
  type BackgroundTasksOptions,
  drain,
  type HandlerOptions,
  inFlight,
  instrument,
  type Outcome,
  type ResponseEnd,
  type TaskContext,
  type TaskDefinition,
  type TaskResult,
  type TaskStatus,
  waitUntil,
  type When,
  withBackgroundTasks,
  type WrapOptions,
} from 'background-tasks'
import type { Handler as HonoHandler } from 'hono'
import type { NextRequest } from 'next/server.js'
import pLimit from 'p-limit'
import PQueue from 'p-queue'
import PQueue8 from 'p-queue-8'
import type { ServerHandler, ServerRequest } from 'srvx'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

declare function writeNotification(email: string, options: { message: string }): Promise<void>
declare function resize(path: string, width: number, height?: number): void
declare function sum(first: number, ...rest: number[]): number
declare function now(): void
declare function swap<Value>(value: Value, values: readonly Value[]): void
declare function pick<Key extends 'a' | 'b'>(key: Key, from: Record<Key, string>): void

const tasks = new BackgroundTasks()

// The door gives these values and no others.
expectType<
  | 'BackgroundTask'
  | 'BackgroundTaskError'
  | 'BackgroundTasks'
  | 'drain'
  | 'inFlight'
  | 'instrument'
  | 'waitUntil'
  | 'withBackgroundTasks'
>({} as keyof typeof core)

// addTask: the arguments of the function follow it, and the task knows their types.
expectType<BackgroundTask<[email: string, options: { message: string }]>>(
  tasks.addTask(writeNotification, 'ada@example.com', { message: 'hello' }),
)
expectAssignable<BackgroundTask>(tasks.addTask(now))
tasks.addTask(console.log, 'anything', 1, {})
tasks.addTask((email: string) => email.length, 'ada@example.com')
tasks.addTask(writeNotification.bind(null, 'ada@example.com'), { message: 'hello' })

// addTask: too few, too many, wrong types, and a Python habit: one object of keywords.
expectError(tasks.addTask(writeNotification))
expectError(tasks.addTask(writeNotification, 'ada@example.com'))
expectError(tasks.addTask(writeNotification, 'ada@example.com', { message: 'hello' }, 'more'))
expectError(tasks.addTask(writeNotification, 1, { message: 'hello' }))
expectError(tasks.addTask(writeNotification, 'ada@example.com', { message: 1 }))
expectError(tasks.addTask(writeNotification, 'ada@example.com', {}))
expectError(tasks.addTask(writeNotification, { email: 'ada@example.com', message: 'hello' }))
expectError(tasks.addTask(writeNotification, { message: 'hello' }, 'ada@example.com'))
expectError(tasks.addTask(now, 'unasked'))

// addTask: optional parameters may be left out, rest parameters may be many.
tasks.addTask(resize, 'a.png', 100)
tasks.addTask(resize, 'a.png', 100, 50)
tasks.addTask(resize, 'a.png', 100, undefined)
expectError(tasks.addTask(resize, 'a.png'))
expectError(tasks.addTask(resize, 'a.png', 100, '50'))
expectError(tasks.addTask(resize, 'a.png', 100, 50, 25))
tasks.addTask(sum, 1)
tasks.addTask(sum, 1, 2, 3)
expectError(tasks.addTask(sum))
expectError(tasks.addTask(sum, 1, '2'))

// addTask: a tuple can be spread, a readonly one too; its elements are checked.
declare const resizing: readonly [path: string, width: number]
declare const words: [path: string, width: string]
tasks.addTask(resize, ...resizing)
expectError(tasks.addTask(resize, ...words))

// addTask: generic functions keep their constraints.
tasks.addTask(swap<string>, 'a', ['b'])
tasks.addTask(swap, 'a', ['b'])
expectError(tasks.addTask(swap<string>, 'a', [1]))
expectError(tasks.addTask(pick<'a'>, 'b', { a: '' }))

// addTask: a promise is the result of a call, not a function.
expectError(tasks.addTask(writeNotification('ada@example.com', { message: 'hello' })))
expectError(tasks.addTask(undefined))
expectError(tasks.addTask('writeNotification'))

// addTask: a definition; its run is given the context and its fields are checked.
expectType<BackgroundTask>(
  tasks.addTask({
    name: 'send',
    timeout: 1000,
    when: ['closed', 'cancelled'],
    run: (context) => {
      expectType<TaskContext>(context)
    },
  }),
)
tasks.addTask({ run: async () => 'anything' })
expectError(tasks.addTask({ name: 'no run' }))
expectError(tasks.addTask({ run: 'send' }))
expectError(tasks.addTask({ run: (email: string) => email }))
expectError(tasks.addTask({ run: now, timeout: '1s' }))
expectError(tasks.addTask({ run: now, when: ['finished'] }))
expectError(tasks.addTask({ run: now, retries: 3 }))
expectError(tasks.addTask({ run: now }, 'an argument'))

// addTask: a task or a list comes back as what it is, subclasses too.
class NamedTask extends BackgroundTask {
  readonly label = 'mine'
}
expectType<NamedTask>(tasks.addTask(new NamedTask(now)))
expectType<BackgroundTasks>(tasks.addTask(new BackgroundTasks()))
expectError(tasks.addTask(new BackgroundTask(now), 'an argument'))

// BackgroundTask: made like addTask, of a function and its arguments or of a definition.
expectType<BackgroundTask<[email: string, options: { message: string }]>>(
  new BackgroundTask(writeNotification, 'ada@example.com', { message: 'hello' }),
)
new BackgroundTask({ run: ({ signal }) => fetch('https://example.com', { signal }) })
expectError(new BackgroundTask(writeNotification))
expectError(new BackgroundTask(writeNotification, 1, { message: 'hello' }))
expectError(new BackgroundTask(now, 'unasked'))
expectError(new BackgroundTask({ name: 'no run' }))
expectError(new BackgroundTask())

// BackgroundTask: what it tells, and that nobody else can set it.
declare const task: BackgroundTask<[email: string]>
expectAssignable<BackgroundTask>(task)
expectType<string>(task.name)
expectType<TaskStatus>(task.status)
expectType<Promise<TaskResult>>(task.finished)
expectType<void>(task.cancel())
expectType<void>(task.cancel(new Error('no longer needed')))
expectType<Promise<void>>(task.run())
expectType<Response>(task.wrap(new Response()))
expectError((task.status = 'fulfilled'))

// BackgroundTask: its function and arguments; `never` lets every task be a BackgroundTask.
expectType<((...args: never) => unknown) | undefined>(task.func)
expectType<Readonly<[email: string]> | undefined>(task.args)
expectType<readonly unknown[] | undefined>(({} as BackgroundTask).args)
expectAssignable<BackgroundTask>(new BackgroundTask(writeNotification, 'ada', { message: 'hello' }))
expectAssignable<readonly BackgroundTask[]>([task, new BackgroundTask(sum, 1, 2)])
expectError(task.func?.('ada@example.com'))
expectError((task.args = ['another']))
expectError(task.args?.push('another'))
if (task.func !== undefined && task.args !== undefined) {
  Reflect.apply(task.func, undefined, task.args)
}
expectError((task.name = 'another'))

// BackgroundTasks: any iterable of tasks and lists, and the options.
new BackgroundTasks([task, tasks])
new BackgroundTasks(new Set([task]))
new BackgroundTasks([], { concurrency: Infinity, failure: 'continue', timeout: 1000 })
new BackgroundTasks([], {
  when: ['closed'],
  onError: (error) => expectType<BackgroundTaskError>(error),
})
expectError(new BackgroundTasks(task))
expectError(new BackgroundTasks([now]))
expectError(new BackgroundTasks([], { concurrency: 'all' }))
expectError(new BackgroundTasks([], { failure: 'ignore' }))
expectError(new BackgroundTasks([], { when: 'closed' }))
expectError(new BackgroundTasks([], { onError: (error: string) => error }))
expectError(new BackgroundTasks([], { parallel: true }))

// limit: p-limit's function itself, or what adds to a queue; it is given a function to call.
const queue = new PQueue({ concurrency: 4 })
const queue8 = new PQueue8({ concurrency: 4 })
new BackgroundTasks([], { limit: pLimit(4) })
new BackgroundTasks([], { limit: (run) => queue.add(run) })
new BackgroundTasks([], { limit: (run) => queue8.add(run) })
new BackgroundTasks([], { limit: (run) => queue.add(run, { priority: 1 }) })
new BackgroundTasks([], {
  limit: (run) => {
    expectType<() => Promise<void>>(run)
    expectType<Promise<void>>(run())
  },
})
withBackgroundTasks(() => new Response(), { limit: pLimit(4) })
expectError(new BackgroundTasks([], { limit: 4 }))
expectError(new BackgroundTasks([], { limit: queue }))

// when: outcomes, or a predicate of how the response ended.
new BackgroundTasks([], {
  when: (end) => {
    expectType<ResponseEnd>(end)
    return end.outcome !== 'thrown' && (end.response?.status ?? 200) < 400
  },
})
tasks.addTask({ run: now, when: ({ reason }) => reason === undefined })
new BackgroundTask({ run: now, when: ({ response }) => response?.headers.has('etag') === true })
expectError(tasks.addTask({ run: now, when: async () => true }))
expectError(tasks.addTask({ run: now, when: () => 'closed' }))
expectError(tasks.addTask({ run: now, when: ({ status }) => status === 200 }))

// BackgroundTasks: what it tells; the list is changed by addTask only.
expectType<readonly (BackgroundTask | BackgroundTasks)[]>(tasks.tasks)
expectType<Promise<TaskResult[]>>(tasks.finished)
expectType<Promise<void>>(tasks.run())
expectType<Response>(tasks.wrap(new Response()))
expectError(tasks.tasks.push(task))
expectError((tasks.tasks = []))

// defer: a function without parameters, sync or async.
expectType<void>(tasks.defer(now))
tasks.defer(async () => 'anything')
expectError(tasks.defer((email: string) => email))
expectError(tasks.defer(Promise.resolve()))

// wrap: a response, and what the host offers.
declare const request: Request
declare const context: { waitUntil(promise: Promise<unknown>): void }
tasks.wrap(new Response(), {
  request,
  waitUntil: (promise) => {
    expectType<Promise<unknown>>(promise)
    context.waitUntil(promise)
  },
  completed: Promise.resolve(),
  unreadTimeout: 1000,
})
expectError(tasks.wrap(Promise.resolve(new Response())))
expectError(tasks.wrap({ message: 'not a response' }))
expectError(tasks.wrap(new Response(), request))
expectError(tasks.wrap(new Response(), context.waitUntil))
expectError(tasks.wrap(new Response(), { completed: true }))
expectError(tasks.wrap(new Response(), { unreadTimeout: '10s' }))

// withBackgroundTasks: the list is put in front, the host's own arguments and the answer stay.
interface Params {
  params: Promise<{ id: string }>
}
expectType<() => Response>(
  withBackgroundTasks((list) => {
    expectType<BackgroundTasks>(list)
    return new Response()
  }),
)
expectType<(request: NextRequest, context: Params) => Promise<Response>>(
  withBackgroundTasks(async (_tasks, _request: NextRequest, _context: Params) => new Response()),
)
expectType<(request: Request, more?: string, ...rest: number[]) => void>(
  withBackgroundTasks((_tasks, _request: Request, _more?: string, ..._rest: number[]) => {}),
)
expectType<(request: Request) => Promise<Response | undefined>>(
  withBackgroundTasks(async (_tasks, _request: Request) => undefined as Response | undefined),
)
expectType<(request: Request) => Response | Promise<Response>>(
  withBackgroundTasks((_tasks, _request: Request) => ({}) as Response | Promise<Response>),
)
expectType<() => never>(
  withBackgroundTasks((): never => {
    throw new Error('refused')
  }),
)
expectError(withBackgroundTasks((_request: Request) => new Response()))
expectError(withBackgroundTasks(new Response()))
expectError(withBackgroundTasks(now, { concurrency: '2' }))
expectError(withBackgroundTasks(now, { request }))
withBackgroundTasks(now, { deadline: 30_000 })
withBackgroundTasks(now, { deadline: false })
expectError(withBackgroundTasks(now, { deadline: true }))

// withBackgroundTasks: where a host has a type for its handlers, their arguments are inferred.
export const fetchHandler: ServerHandler = withBackgroundTasks((list, serverRequest) => {
  list.addTask(now)
  expectType<ServerRequest>(serverRequest)
  return new Response()
})
export const honoHandler: HonoHandler = withBackgroundTasks((_list, honoContext) => {
  expectType<string>(honoContext.req.path)
  return honoContext.text('ok')
})

// drain: how long, and what came of it.
expectType<Promise<{ finished: number; abandoned: BackgroundTask[] }>>(drain())
drain({ timeout: 10_000 })
expectError(drain(10_000))
expectError(drain({ timeout: '10s' }))

// inFlight: tasks, in an array of one's own.
expectType<BackgroundTask[]>(inFlight())
expectError(inFlight({ timeout: 1 }))

// waitUntil: any promise; it fits wherever a library asks for one.
expectType<void>(waitUntil(Promise.resolve('saved')))
expectType<void>(waitUntil({} as PromiseLike<number>))
expectAssignable<(promise: Promise<unknown>) => void>(waitUntil)
expectAssignable<(promise: PromiseLike<unknown>) => void>(waitUntil)
expectAssignable<typeof context>({ waitUntil })
expectError(waitUntil())
expectError(waitUntil(() => Promise.resolve()))
expectError(waitUntil('saved'))

// instrument: around every task, and the undo.
expectType<() => void>(
  instrument(async (instrumented, run) => {
    expectType<BackgroundTask>(instrumented)
    expectType<() => Promise<void>>(run)
    await run()
  }),
)
expectError(instrument((_task: BackgroundTask, _run: () => Promise<void>) => 'nothing'))
expectError(instrument({ around: now }))

// BackgroundTaskError: its own fields; the cause is whatever was thrown.
declare const error: BackgroundTaskError
expectAssignable<Error>(error)
expectType<string>(error.task)
expectType<unknown>(error.cause)
expectType<readonly string[]>(error.skipped)
expectError((error.task = 'another'))
expectError(error.skipped.push('another'))

// Outcome, TaskStatus: every member, so that a new one is a change that is seen.
expectType<Outcome>({} as 'closed' | 'cancelled' | 'errored' | 'unread' | 'thrown')
expectType<TaskStatus>({} as 'pending' | 'running' | 'fulfilled' | 'rejected' | 'skipped')

// ResponseEnd, When: a task's context is one too; a predicate answers at once.
expectType<{
  readonly outcome: Outcome
  readonly reason: unknown
  readonly response: Pick<Response, 'ok' | 'status' | 'headers'> | undefined
}>({} as ResponseEnd)
expectAssignable<ResponseEnd>({} as TaskContext)
expectType<readonly Outcome[] | ((end: ResponseEnd) => boolean)>({} as When)

// TaskContext, TaskResult: exactly these members; what a task is given cannot be set, a result can.
expectType<{
  readonly signal: AbortSignal
  readonly outcome: Outcome
  readonly reason: unknown
  readonly response: Pick<Response, 'ok' | 'status' | 'headers'> | undefined
}>({} as TaskContext)
expectType<{
  name: string
  status: 'fulfilled' | 'rejected' | 'skipped'
  outcome: Outcome
  duration: number
  error?: unknown
}>({} as TaskResult)

// TaskDefinition: exactly these members; all but `run` may be left out, and none is readonly.
expectType<{
  name?: string
  run: (context: TaskContext) => unknown
  timeout?: number
  when?: When
}>({} as TaskDefinition)
expectAssignable<TaskDefinition>({ run: now, when: ['closed'] as const })
expectNotAssignable<TaskDefinition>({ name: 'no run' })

// BackgroundTasksOptions, WrapOptions, HandlerOptions: exactly these members; each may be left out
// and none is readonly. A handler has what the host may not offer by itself: the rest is found.
expectType<{
  concurrency?: number
  limit?: (run: () => Promise<void>) => unknown
  failure?: 'stop' | 'continue'
  timeout?: number
  when?: When
  onError?: (error: BackgroundTaskError) => void
}>({} as BackgroundTasksOptions)
expectType<{
  request?: Request
  waitUntil?: (promise: Promise<unknown>) => void
  completed?: Promise<unknown>
  unreadTimeout?: number
}>({} as WrapOptions)
expectType<{
  concurrency?: number
  limit?: (run: () => Promise<void>) => unknown
  failure?: 'stop' | 'continue'
  timeout?: number
  when?: When
  onError?: (error: BackgroundTaskError) => void
  waitUntil?: (promise: Promise<unknown>) => void
  unreadTimeout?: number
  deadline?: number | false
}>({} as HandlerOptions)

// BackgroundTask, BackgroundTasks, BackgroundTaskError: no further members.
expectType<'name' | 'func' | 'args' | 'status' | 'finished' | 'cancel' | 'run' | 'wrap'>(
  {} as keyof BackgroundTask,
)
expectType<'tasks' | 'finished' | 'addTask' | 'defer' | 'run' | 'wrap'>({} as keyof BackgroundTasks)
expectType<'task' | 'cause' | 'skipped' | 'name' | 'message' | 'stack'>(
  {} as keyof BackgroundTaskError,
)
