import type { MiddlewareHandler } from 'astro'
import { provideBackgroundTasks } from 'background-tasks/context'

export const onRequest: MiddlewareHandler = provideBackgroundTasks((_context, next) => next())
