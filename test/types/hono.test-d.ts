import { serve } from '@hono/node-server'
import { type BackgroundTasks, type HandlerOptions, withBackgroundTasks } from 'background-tasks'
import * as context from 'background-tasks/context'
import * as door from 'background-tasks/hono'
import { provideBackgroundTasks } from 'background-tasks/hono'
import { type Context, type Handler, Hono, type MiddlewareHandler } from 'hono'
import { hc } from 'hono/client'
import { createFactory, createMiddleware } from 'hono/factory'
import { expectAssignable, expectError, expectType } from 'tsd'

interface Env {
  Variables: { user: string }
}
const app = new Hono<Env>()

// A handler: where its type is said, the context needs none.
expectAssignable<Handler<Env, '/users/:id'>>(
  withBackgroundTasks((tasks, c: Context<Env, '/users/:id'>) => {
    tasks.addTask(console.log, c.get('user'))
    return c.json({ id: c.req.param('id') })
  }),
)
export const handler: Handler<Env> = withBackgroundTasks((_tasks, c) => {
  expectType<string>(c.get('user'))
  return c.json({ ok: true })
})

// Inline: Hono's overloads tell the wrapped function nothing, so the context is annotated.
app.get(
  '/users/:id',
  withBackgroundTasks((_tasks, c: Context<Env, '/users/:id'>) => {
    expectType<string>(c.get('user'))
    expectType<string>(c.req.param('id'))
    return c.json({ ok: true })
  }),
)

// The answer keeps its type, for the typed client of Hono.
const typed = new Hono().get(
  '/typed',
  withBackgroundTasks((_tasks, c: Context) => c.json({ ok: true as const }, 202)),
)
type Routes = typeof typed extends Hono<infer _Env, infer Schema> ? Schema : never
expectType<{ ok: true }>({} as Routes['/typed']['$get']['output'])
expectType<202>({} as Routes['/typed']['$get']['status'])

// The whole app, for a server and for an export.
serve({ fetch: context.provideBackgroundTasks(app.fetch) })
expectAssignable<(request: Request) => Response | Promise<Response>>(
  context.provideBackgroundTasks(app.fetch),
)

// The entry point gives this and nothing else.
expectType<'provideBackgroundTasks'>({} as keyof typeof door)
expectType<(options?: HandlerOptions) => MiddlewareHandler>(provideBackgroundTasks)
expectError(provideBackgroundTasks({ paralel: 2 }))
expectError(provideBackgroundTasks((c: Context) => c.text('a handler')))

// The list needs no annotation, however it is asked for.
new Hono().use(provideBackgroundTasks()).get('/', (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  expectType<BackgroundTasks>(c.get('backgroundTasks'))
  return c.text('ok')
})
const plain = new Hono()
plain.use(provideBackgroundTasks({ concurrency: 4 }))
plain.get('/', (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  return c.text('ok')
})
plain.get('/one-route', provideBackgroundTasks(), (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  return c.text('ok')
})

// It leaves what the app says of itself as it is.
const own = new Hono<Env>().use(provideBackgroundTasks())
own.get('/:id', (c) => {
  expectType<string>(c.var.user)
  expectType<string>(c.req.param('id'))
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  return c.text('ok')
})
expectAssignable<MiddlewareHandler<Env>>(provideBackgroundTasks())

// Sub-apps that know nothing of the app around them, base paths, factories and other middleware.
const users = new Hono().get('/:id', (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  return c.json({ id: c.req.param('id') })
})
const api = new Hono()
  .basePath('/api')
  .use(provideBackgroundTasks())
  .route('/users', users)
  .post('/sign-up', (c) => {
    expectType<BackgroundTasks>(c.var.backgroundTasks)
    return c.json({ ok: true as const }, 202)
  })
const factory = createFactory<Env>({ initApp: (app) => void app.use(provideBackgroundTasks()) })
factory.createApp().get('/', (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  expectType<string>(c.var.user)
  return c.text('ok')
})
factory.createHandlers(provideBackgroundTasks(), (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  return c.text('ok')
})
createMiddleware(async (c, next) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  await next()
})
export const named: Handler = (c) => {
  expectType<BackgroundTasks>(c.var.backgroundTasks)
  return c.text('ok')
}

// The typed client sees the routes, and nothing of the middleware.
const client = hc<typeof api>('http://localhost')
expectAssignable<Promise<{ id: string }>>(
  client.api.users[':id'].$get({ param: { id: '1' } }).then((response) => response.json()),
)
expectType<Promise<202>>(client.api['sign-up'].$post().then((response) => response.status))
