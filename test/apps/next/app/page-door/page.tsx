import { withBackgroundTasks } from 'background-tasks/next'
import { Suspense } from 'react'
import { addTasks } from '../../lib/add-tasks'
import { report } from '../../lib/events'
import { passed } from '../../lib/gates'

export default withBackgroundTasks(async (tasks, { searchParams }: PageProps<'/page-door'>) => {
  const id = String((await searchParams).id)
  addTasks(tasks, id)
  return (
    <Suspense fallback="waiting">
      <Late id={id} />
    </Suspense>
  )
})

async function Late({ id }: { id: string }) {
  await passed(`${id}-late`)
  report('last-chunk', id)
  return <p>late</p>
}
