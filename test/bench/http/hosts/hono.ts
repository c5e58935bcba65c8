import { type HttpBindings, serve } from '@hono/node-server'
import { provideBackgroundTasks } from 'background-tasks/hono'
import { type Context, Hono, type Next } from 'hono'
import onFinished from 'on-finished'
import type { Host } from '../handlers.ts'
import { runAfter } from './node-response.ts'

type HonoContext = Context<{ Bindings: HttpBindings }>

export const host: Host<HonoContext, Next> = {
  isAppProvided: true,
  serve(handler, port, way) {
    const app = new Hono<{ Bindings: HttpBindings }>()
    if (way === 'provided') app.use(provideBackgroundTasks())
    app.get('/', handler)
    return serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
  },
  floor(run, response, { env }) {
    runAfter(env.outgoing, run)
    return response
  },
  ways: {
    'on-finished'(run, response, { env }) {
      onFinished(env.outgoing, () => setImmediate(run))
      return response
    },
  },
}
