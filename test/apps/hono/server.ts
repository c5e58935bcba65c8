import { type Http2Bindings, type HttpBindings, serve } from '@hono/node-server'
import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { answer } from '../scenario.ts'
import { collect } from './collect.ts'

const app = new Hono()

app.all('/wrap', async (c) => {
  const tasks = new BackgroundTasks()
  return tasks.wrap(await answer(() => tasks, c.req.raw), { request: c.req.raw })
})

app.all(
  '/handler',
  withBackgroundTasks((tasks, c: Context) => answer(() => tasks, c.req.raw)),
)

app.use('/middleware', collect)
app.all('/middleware', (c) => answer(backgroundTasks, c.req.raw))
// The same as on a host that does not tell when a response is over: Hono gets no `env` of Node's.
app.all('/elsewhere', (c) => {
  const url = c.req.url.replace('/elsewhere', '/middleware')
  return app.fetch(new Request(url, c.req.raw))
})

app.all('/provided', (c) => answer(backgroundTasks, c.req.raw))
// Both read, copy or drop the handler's response, here inside and outside of what carries the tasks.
app.use('/provided-tagged', compress({ threshold: 1 }), etag())
app.get('/provided-tagged', (c) => answer(backgroundTasks, c.req.raw))
app.use('/handler-tagged', compress({ threshold: 1 }), etag())
app.get(
  '/handler-tagged',
  withBackgroundTasks((tasks, c: Context) => answer(() => tasks, c.req.raw)),
)

const provided = provideBackgroundTasks(app.fetch)

serve({
  fetch: (request: Request, env: HttpBindings | Http2Bindings) =>
    new URL(request.url).pathname.startsWith('/provided')
      ? provided(request, env)
      : app.fetch(request, env),
  hostname: '127.0.0.1',
  port: Number(process.env['PORT']),
})
