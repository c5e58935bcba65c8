import { serve } from '@hono/node-server'
import { withBackgroundTasks } from 'background-tasks'
import { provideBackgroundTasks } from 'background-tasks/context'
import { type Context, type Handler, Hono } from 'hono'
import { expectAssignable, expectType } from 'tsd'

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
serve({ fetch: provideBackgroundTasks(app.fetch) })
expectAssignable<(request: Request) => Response | Promise<Response>>(
  provideBackgroundTasks(app.fetch),
)
