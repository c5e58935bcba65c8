import { withBackgroundTasks } from 'background-tasks/next'
import { report } from '../../lib/events'

export default withBackgroundTasks((tasks) => {
  tasks.addTask(report, 'task', 'page-static')
  return <p>built once</p>
})
