import { withBackgroundTasks } from 'background-tasks'
import { provideBackgroundTasks } from 'background-tasks/context'
import { type Context, Elysia, t } from 'elysia'
import { expectType } from 'tsd'

// The wrapper round the app: handlers keep the types that Elysia infers, and the typed client its own.
const app = new Elysia()
  .wrap((fetch) => provideBackgroundTasks(fetch))
  .post(
    '/notify',
    ({ body }) => {
      expectType<string>(body.email)
      return { message: 'sent' }
    },
    { body: t.Object({ email: t.String() }) },
  )
expectType<{ email: string }>({} as (typeof app)['~Routes']['notify']['post']['body'])

// One handler: a wrapped function is not told its context, so the part used is annotated.
new Elysia()
  .get(
    '/users/:id',
    withBackgroundTasks((tasks, { params }: { params: { id: string } }) => {
      tasks.addTask(console.log, params.id)
      return { id: params.id }
    }),
  )
  .post(
    '/any',
    withBackgroundTasks((_tasks, { request }: Context) => new Response(request.url)),
  )
