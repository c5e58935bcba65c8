import type { APIRoute } from 'astro'
import { withBackgroundTasks } from 'background-tasks'
import { answer } from '../../../scenario.ts'

export const ALL: APIRoute = withBackgroundTasks((tasks, { request }) =>
  answer(() => tasks, request),
)
