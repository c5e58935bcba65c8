import { withBackgroundTasks } from 'background-tasks'
import { answerWithThreeTasks } from '../app/three-tasks.ts'

const handle = withBackgroundTasks((tasks, event: FetchEvent) =>
  answerWithThreeTasks(tasks, event.request),
)

addEventListener('fetch', (event) => event.respondWith(handle(event)))
