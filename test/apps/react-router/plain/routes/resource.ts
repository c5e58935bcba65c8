import { withBackgroundTasks } from 'background-tasks'
import type { LoaderFunctionArgs } from 'react-router'
import { answer } from '../../../scenario.ts'

export const loader = withBackgroundTasks((tasks, { request }: LoaderFunctionArgs) =>
  answer(() => tasks, request),
)

export const action = loader
