import { backgroundTasks } from 'background-tasks/context'
import { Outlet } from 'react-router'
import { hold, query, work } from '../work.server.ts'
import type { Route } from './+types/layout'

/** Runs beside the loader of the page below, and adds to the same list. */
export async function loader({ request }: Route.LoaderArgs) {
  const name = `layout ${query(request).id}`
  backgroundTasks().addTask(work(name, request))
  await hold(name, request)
}

export default function Layout() {
  return (
    <main>
      <Outlet />
    </main>
  )
}
