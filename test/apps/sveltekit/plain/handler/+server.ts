import type { RequestHandler } from '@sveltejs/kit'
import { withBackgroundTasks } from 'background-tasks'
import { answer } from '../../../scenario.ts'

export const fallback: RequestHandler = withBackgroundTasks((tasks, { request }) =>
  answer(() => tasks, request),
)
