import { backgroundTasks } from 'background-tasks/context'
import { answer } from '../../../scenario.ts'
import type { Route } from './+types/resource'

export function loader({ request }: Route.LoaderArgs) {
  return answer(backgroundTasks, request)
}

export const action = loader
