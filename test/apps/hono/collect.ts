import { provideBackgroundTasks } from 'background-tasks/context'
import type { Context, Next } from 'hono'

const provide = provideBackgroundTasks(async (c: Context, next: Next) => {
  await next()
  return c.res
})

export async function collect(c: Context, next: Next): Promise<void> {
  const response = await provide(c, next)
  // Hono ignores what a middleware returns once a handler has answered, and merges what it is set to.
  c.res = undefined
  c.res = response
}
