import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { H3, type H3Event } from 'h3'
import { serve } from 'srvx'
import { answer } from '../scenario.ts'

const app = new H3({ silent: true })

app.all('/wrap', async (event) => {
  const tasks = new BackgroundTasks()
  return tasks.wrap(await answer(() => tasks, event.req), { request: event.req })
})

app.all(
  '/handler',
  withBackgroundTasks((tasks, event: H3Event) => answer(() => tasks, event.req)),
)

app.use(
  '/middleware/**',
  provideBackgroundTasks((_event, next) => next()),
)
app.all('/middleware', (event) => answer(backgroundTasks, event.req))
app.all('/middleware/value', async (event) => (await answer(backgroundTasks, event.req)).body)

app.all('/provided', (event) => answer(backgroundTasks, event.req))
app.all('/provided/value', async (event) => (await answer(backgroundTasks, event.req)).body)
const provided = provideBackgroundTasks(app.fetch)

serve({
  hostname: '127.0.0.1',
  fetch: (request: Request) =>
    new URL(request.url).pathname.startsWith('/provided') ? provided(request) : app.fetch(request),
})
