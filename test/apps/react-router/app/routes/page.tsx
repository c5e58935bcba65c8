import { BackgroundTasks } from 'background-tasks'
import { backgroundTasks } from 'background-tasks/context'
import { Suspense } from 'react'
import { Await, redirect } from 'react-router'
import { report } from '../../../scenario.ts'
import { gate, hold, query, work } from '../work.server.ts'
import type { Route } from './+types/page'

export async function loader({ request }: Route.LoaderArgs): Promise<{ text: Promise<string> }> {
  const { id, answer } = query(request)
  const name = `page ${id}`
  backgroundTasks().addTask(work(name, request))
  await hold(name, request)
  report('list', id, { length: backgroundTasks().tasks.length })
  switch (answer) {
    case 'redirect':
      throw redirect('/elsewhere')
    case 'missing':
      throw new Response('No such page', { status: 404 })
    case 'error':
      throw new Error('broken on purpose')
    case 'deferred':
      return { text: gate(`late ${id}`).then(() => 'Later') }
    default:
      return { text: Promise.resolve('At once') }
  }
}

/** Its response is read here on the server, before the page: the list joins that of the request. */
export async function action({ request }: Route.ActionArgs) {
  const tasks = new BackgroundTasks()
  tasks.addTask(work(`action ${query(request).id}`, request))
  return tasks.wrap(Response.json({ done: true }))
}

export default function Page({ loaderData }: Route.ComponentProps) {
  return (
    <Suspense fallback={<p>Waiting</p>}>
      <Await resolve={loaderData.text}>{(text) => <p>{text}</p>}</Await>
    </Suspense>
  )
}
