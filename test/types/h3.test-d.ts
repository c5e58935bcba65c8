import { withBackgroundTasks } from 'background-tasks'
import { provideBackgroundTasks } from 'background-tasks/context'
import { type EventHandler, H3, type H3Event, type Middleware, serve } from 'h3'
import { expectAssignable, expectType } from 'tsd'

const app = new H3()

// A handler: what it returns is h3's to convert, and passes with its type.
expectAssignable<EventHandler>(
  withBackgroundTasks((tasks, event: H3Event) => {
    tasks.addTask(console.log, event.url.pathname)
    return { message: 'sent' }
  }),
)
app.post(
  '/notify',
  withBackgroundTasks(async (_tasks, event: H3Event<{ body: { email: string } }>) => {
    const { email } = await event.req.json()
    expectType<string>(email)
    return { message: 'sent' }
  }),
)

// A middleware needs no annotation.
app.use(provideBackgroundTasks((_event, next) => next()))
app.use(
  '/api/**',
  provideBackgroundTasks((event, next) => {
    expectType<string>(event.req.method)
    return next()
  }),
)
export const middleware: Middleware = provideBackgroundTasks((_event, next) => next())

// The whole app.
expectAssignable<Parameters<typeof serve>[0]['fetch']>(provideBackgroundTasks(app.fetch))
