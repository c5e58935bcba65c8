import type { BackgroundTasks, HandlerOptions } from 'background-tasks'
import * as door from 'background-tasks/next'
import { withBackgroundTasks } from 'background-tasks/next'
import { after, type NextFetchEvent, type NextRequest, NextResponse } from 'next/server.js'
import { expectError, expectType } from 'tsd'

// The door gives this one and nothing else.
expectType<'withBackgroundTasks'>({} as keyof typeof door)

interface Params {
  params: Promise<{ id: string }>
}

// A route handler: the list in front, Next's arguments behind it, the answer promised.
expectType<(request: NextRequest, context: Params) => Promise<Response>>(
  withBackgroundTasks(async (tasks, request: NextRequest, { params }: Params) => {
    expectType<BackgroundTasks>(tasks)
    tasks.addTask((id: string, url: URL) => [id, url], (await params).id, request.nextUrl)
    return new Response()
  }),
)
expectType<() => Promise<NextResponse<{ id: number }>>>(
  withBackgroundTasks(() => NextResponse.json({ id: 1 })),
)

// What Next's own type check asks of an exported handler.
export const GET: (request: NextRequest, context: Params) => Promise<Response> | Response =
  withBackgroundTasks((_tasks, _request: NextRequest, _context: Params) => new Response())

// A server action: of a form, with a state, with arguments of its own.
expectType<(formData: FormData) => Promise<void>>(
  withBackgroundTasks(async (tasks, formData: FormData) => {
    tasks.addTask((name: string) => name, String(formData.get('name')))
  }),
)
expectType<(state: number, formData: FormData) => Promise<number>>(
  withBackgroundTasks((_tasks, state: number, _formData: FormData) => state + 1),
)
export const action: (formData: FormData) => void | Promise<void> = withBackgroundTasks(
  (_tasks, _formData: FormData) => {},
)

// An action that never returns, because redirect() throws.
expectType<(formData: FormData) => Promise<never>>(
  withBackgroundTasks((_tasks, _formData: FormData): never => {
    throw new Error('redirect')
  }),
)

// A proxy.
export const proxy: (
  request: NextRequest,
  event: NextFetchEvent,
) => Promise<NextResponse | undefined> = withBackgroundTasks(
  (_tasks, request: NextRequest, _event: NextFetchEvent) =>
    request.nextUrl.pathname === '/' ? NextResponse.next() : undefined,
)

// The options of a handler, Next's own after() among them, and no others.
declare const options: HandlerOptions
withBackgroundTasks(() => new Response(), options)
withBackgroundTasks(() => new Response(), { failure: 'continue', waitUntil: after })
expectError(withBackgroundTasks(() => new Response(), { failure: 'ignore' }))
expectError(withBackgroundTasks(() => new Response(), { request: new Request('http://a') }))
expectError(withBackgroundTasks(new Response()))
expectError(withBackgroundTasks())
expectError(
  withBackgroundTasks((tasks, request: NextRequest) => {
    tasks.addTask((id: number) => id, request.url)
    return new Response()
  }),
)
