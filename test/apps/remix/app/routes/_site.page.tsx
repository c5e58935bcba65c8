import { type ActionFunctionArgs, defer, type LoaderFunctionArgs, redirect } from '@remix-run/node'
import { Await, useLoaderData } from '@remix-run/react'
import { BackgroundTasks } from 'background-tasks'
import { backgroundTasks } from 'background-tasks/context'
import { Suspense } from 'react'
import { report } from '../../../scenario.ts'
import { gate, hold, query, work } from '../work.server.ts'

export async function loader({ request }: LoaderFunctionArgs) {
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
      return defer({ text: gate(`late ${id}`).then(() => 'Later') })
    default:
      return defer({ text: Promise.resolve('At once') })
  }
}

/** Its response is read here on the server, before the page: the list joins that of the request. */
export async function action({ request }: ActionFunctionArgs) {
  const tasks = new BackgroundTasks()
  tasks.addTask(work(`action ${query(request).id}`, request))
  return tasks.wrap(Response.json({ done: true }))
}

export default function Page() {
  const { text } = useLoaderData<typeof loader>()
  return (
    <Suspense fallback={<p>Waiting</p>}>
      <Await resolve={text}>{(value) => <p>{value}</p>}</Await>
    </Suspense>
  )
}
