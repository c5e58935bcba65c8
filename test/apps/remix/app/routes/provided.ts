import type { LoaderFunctionArgs } from '@remix-run/node'
import { backgroundTasks } from 'background-tasks/context'
import { answer } from '../../../scenario.ts'

export function loader({ request }: LoaderFunctionArgs) {
  return answer(backgroundTasks, request)
}

export const action = loader
