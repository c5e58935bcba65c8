import type { LoaderFunctionArgs } from '@remix-run/node'
import { Outlet } from '@remix-run/react'
import { backgroundTasks } from 'background-tasks/context'
import { hold, query, work } from '../work.server.ts'

/** Runs beside the loader of the page below, and adds to the same list. */
export async function loader({ request }: LoaderFunctionArgs) {
  const name = `layout ${query(request).id}`
  backgroundTasks().addTask(work(name, request))
  await hold(name, request)
  return null
}

export default function Site() {
  return (
    <main>
      <Outlet />
    </main>
  )
}
