import { withBackgroundTasks } from 'background-tasks'
import { backgroundTasks } from 'background-tasks/context'
import { data } from 'react-router'
import { query, work } from '../work.server.ts'
import type { Route } from './+types/data'

/** Of the two lists only the inner one sees what is thrown here. */
export const loader = withBackgroundTasks((tasks, { request }: Route.LoaderArgs): string => {
  const { id } = query(request)
  backgroundTasks().addTask(work(`request ${id}`, request))
  tasks.addTask(work(`joined ${id}`, request))
  tasks.addTask({ ...work(`joined-thrown ${id}`, request), when: ['thrown'] })
  throw data('No such page', { status: 404 })
})

export default function Data({ loaderData }: Route.ComponentProps) {
  return <p>{loaderData}</p>
}
