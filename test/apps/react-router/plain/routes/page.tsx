import { withBackgroundTasks } from 'background-tasks'
import { Suspense } from 'react'
import { Await, type LoaderFunctionArgs, useLoaderData } from 'react-router'
import { gate, query, work } from '../../app/work.server.ts'

/** What the guide warns of: a loader is over before its page has begun. */
export const loader = withBackgroundTasks(async (tasks, { request }: LoaderFunctionArgs) => {
  const { id } = query(request)
  tasks.addTask(work(`page ${id}`, request))
  return { text: gate(`late ${id}`).then(() => 'Later') }
})

export default function Page() {
  const { text } = useLoaderData<typeof loader>()
  return (
    <Suspense fallback={<p>Waiting</p>}>
      <Await resolve={text}>{(value) => <p>{value}</p>}</Await>
    </Suspense>
  )
}
