import { json, type LoaderFunctionArgs } from '@remix-run/node'
import { withBackgroundTasks } from 'background-tasks'
import { answer } from '../../../scenario.ts'

export const loader = withBackgroundTasks((tasks, { request }: LoaderFunctionArgs) => {
  // Remix's own Response has none.
  Response.json ??= json
  return answer(() => tasks, request)
})

export const action = loader
