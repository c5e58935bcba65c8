import { backgroundTasks } from 'background-tasks/context'
import { withBackgroundTasks } from 'background-tasks/next'
import { dependency } from '../../../lib/dependency'
import { report } from '../../../lib/events'

export default withBackgroundTasks(async (tasks, { searchParams }: PageProps<'/context/page'>) => {
  const id = String((await searchParams).id)
  tasks.addTask(report, 'task', id)
  await dependency(id)
  tasks.addTask(report, 'last-task', id)
  return <Child />
})

/** Rendered by React when the page's function has returned. */
function Child() {
  try {
    return <p>{backgroundTasks().tasks.length}</p>
  } catch (error) {
    return <p>{String(error)}</p>
  }
}
