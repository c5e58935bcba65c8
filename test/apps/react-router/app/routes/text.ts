import { backgroundTasks } from 'background-tasks/context'
import { text, query, work } from '../work.server.ts'
import type { Route } from './+types/text'

export function loader({ request }: Route.LoaderArgs) {
  backgroundTasks().addTask(work(`text ${query(request).id}`, request))
  return text(request)
}
