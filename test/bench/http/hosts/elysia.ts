import { provideBackgroundTasks } from 'background-tasks/context'
import { Elysia } from 'elysia'
import { background } from 'elysia-background'
import type { Host } from '../handlers.ts'

/** The part of Elysia's context used here. */
interface Context {
  readonly request: Request
  /** Only with the plugin. */
  readonly backgroundTasks?: { addTask(task: () => Promise<unknown>): void }
}

export const host: Host<Context> = {
  isAppProvided: true,
  serve(handler, port, way) {
    const app = new Elysia()
    if (way === 'provided') app.wrap((fetch) => provideBackgroundTasks(fetch))
    if (way === 'elysia-background') app.use(background())
    return app.get('/', handler).listen({ port, hostname: '127.0.0.1' })
  },
  // As on Bun, on which it runs.
  floor(run, response) {
    setImmediate(run)
    return response
  },
  ways: {
    // It takes asynchronous tasks only.
    'elysia-background'(run, response, { backgroundTasks }) {
      backgroundTasks?.addTask(async () => run())
      return response
    },
  },
}
