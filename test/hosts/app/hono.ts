import { provideBackgroundTasks } from 'background-tasks/hono'
import { type Context, Hono } from 'hono'
import { type AppHost, createApp, reportAnswered } from './app.ts'

/** The application under test in Hono, where the middleware gives the forms `with` and `provide` a list. */
export function createHono(host: Omit<AppHost<[Context]>, 'request' | 'list'>): Hono {
  const { unreadTimeout = 10_000 } = host
  const app = new Hono()
  app.on('ALL', ['/with/*', '/provide/*'], async (c, next) => {
    await next()
    reportAnswered(c.req.raw, c.res)
  })
  app.on('ALL', ['/with/*', '/provide/*'], provideBackgroundTasks({ unreadTimeout }))
  app.all(
    '*',
    createApp({
      ...host,
      request: (c: Context) => c.req.raw,
      list: (c) => c.var.backgroundTasks,
    }),
  )
  return app
}
