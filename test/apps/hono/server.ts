import { type Http2Bindings, type HttpBindings, serve } from '@hono/node-server'
import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { provideBackgroundTasks as middleware } from 'background-tasks/hono'
import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { answer } from '../scenario.ts'

const app = new Hono()

app.all('/wrap', async (c) => {
  const tasks = new BackgroundTasks()
  return tasks.wrap(await answer(() => tasks, c.req.raw), { request: c.req.raw })
})

app.all(
  '/handler',
  withBackgroundTasks((tasks, c: Context) => answer(() => tasks, c.req.raw)),
)

app.use('/middleware', middleware())
app.all('/middleware', (c) => answer(() => c.var.backgroundTasks, c.req.raw))
// The same as on a host that does not tell when a response is over: Hono gets no `env` of Node's.
app.all('/elsewhere', (c) => {
  const url = c.req.url.replace('/elsewhere', '/middleware')
  return app.fetch(new Request(url, c.req.raw))
})
app.use('/below', middleware())
app.all('/below', (c) => answer(backgroundTasks, c.req.raw))

app.all('/provided', (c) => answer(backgroundTasks, c.req.raw))
// Both read, copy or drop the handler's response, here inside and outside of what carries the tasks.
app.use('/provided-tagged', compress({ threshold: 1 }), etag())
app.get('/provided-tagged', (c) => answer(backgroundTasks, c.req.raw))
app.use('/handler-tagged', compress({ threshold: 1 }), etag())
app.get(
  '/handler-tagged',
  withBackgroundTasks((tasks, c: Context) => answer(() => tasks, c.req.raw)),
)

// The one middleware reads, copies and drops what the other one has seen.
app.use('/middleware-tagged', middleware(), compress({ threshold: 1 }), etag())
app.get('/middleware-tagged', (c) => answer(() => c.var.backgroundTasks, c.req.raw))
app.use('/tagged-middleware', compress({ threshold: 1 }), etag(), middleware())
app.get('/tagged-middleware', (c) => answer(() => c.var.backgroundTasks, c.req.raw))

// A part of the app, with a list of its own where there is none around it, and an app below a path.
const users = new Hono().use(middleware())
users.all('/', (c) => answer(() => c.var.backgroundTasks, c.req.raw))
app.use('/route', middleware())
app.route('/route', users)
app.mount('/mount', users.fetch)

const provided = provideBackgroundTasks(app.fetch)

serve({
  fetch: (request: Request, env: HttpBindings | Http2Bindings) =>
    new URL(request.url).pathname.startsWith('/provided')
      ? provided(request, env)
      : app.fetch(request, env),
  hostname: '127.0.0.1',
  port: Number(process.env['PORT']),
})
