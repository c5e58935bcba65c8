import { withBackgroundTasks } from 'background-tasks'
import { answer } from '../../../scenario.ts'
import type { Route } from './+types/joined'

/** Its list joins that of the request. */
export const loader = withBackgroundTasks((tasks, { request }: Route.LoaderArgs) =>
  answer(() => tasks, request),
)

export const action = loader
