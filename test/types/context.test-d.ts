import type { BackgroundTask, BackgroundTasks, HandlerOptions } from 'background-tasks'
import * as door from 'background-tasks/context'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import type { MiddlewareHandler } from 'hono'
import type { NextRequest } from 'next/server.js'
import type { ServerMiddleware } from 'srvx'
import { expectError, expectType } from 'tsd'

// The door gives these two and nothing else.
expectType<'backgroundTasks' | 'provideBackgroundTasks'>({} as keyof typeof door)

// backgroundTasks: the list of the request, without any argument.
expectType<BackgroundTasks>(backgroundTasks())
expectType<BackgroundTask<[message: string]>>(
  backgroundTasks().addTask((message: string) => message, 'hello'),
)
expectError(backgroundTasks('request'))

// provideBackgroundTasks: the handler keeps its arguments and its answer, promised or not.
interface Params {
  params: Promise<{ id: string }>
}
expectType<() => Response>(provideBackgroundTasks(() => new Response()))
expectType<(request: NextRequest, context: Params) => Promise<Response>>(
  provideBackgroundTasks(async (_request: NextRequest, _context: Params) => new Response()),
)
expectType<(request: Request, more?: string, ...rest: number[]) => void>(
  provideBackgroundTasks((_request: Request, _more?: string, ..._rest: number[]) => {}),
)
expectError(provideBackgroundTasks(new Response()))
expectError(provideBackgroundTasks())

// provideBackgroundTasks: the options of a handler, and no others.
declare const options: HandlerOptions
provideBackgroundTasks(() => new Response(), options)
expectError(provideBackgroundTasks(() => new Response(), { failure: 'ignore' }))
expectError(provideBackgroundTasks(() => new Response(), { request: new Request('http://a') }))
provideBackgroundTasks(() => new Response(), { deadline: 1000, limit: (run) => run() })

// provideBackgroundTasks: a middleware of a framework, whose types say what it is given.
export const srvxMiddleware: ServerMiddleware = provideBackgroundTasks((_request, next) => next())
export const honoMiddleware: MiddlewareHandler = provideBackgroundTasks(async (context, next) => {
  expectType<string>(context.req.path)
  await next()
})
