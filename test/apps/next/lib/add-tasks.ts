import type { BackgroundTasks } from 'background-tasks'
import { report } from './events'
import { passed } from './gates'

/** The tasks of one request: each reports when it starts, and how the list has ended. */
export function addTasks(tasks: BackgroundTasks, id: string, kind = 'plain'): void {
  tasks.addTask({
    name: 'first',
    run: async ({ outcome, response }) => {
      report('task', id, { outcome, status: response?.status })
      if (kind === 'wait') await passed(`${id}-task`)
    },
  })
  tasks.addTask({ name: 'thrown', when: ['thrown'], run: () => report('task-if-thrown', id) })
  tasks.addTask(report, 'last-task', id)
  tasks.defer(() => report('cleanup', id))
  void tasks.finished.then((results) =>
    report('finished', id, { statuses: results.map(({ status }) => status) }),
  )
}
