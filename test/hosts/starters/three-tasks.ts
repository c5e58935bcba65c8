import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { answerWithThreeTasks } from '../app/three-tasks.ts'

const handle = withBackgroundTasks((tasks, request: Request, _env: object, _ctx?: object) =>
  answerWithThreeTasks(tasks, request),
)

/** The path says what of the host the package gets to see. */
export default {
  async fetch(request: Request, env: object, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname === '/ctx') return handle(request, env, ctx)
    if (pathname === '/no-ctx') return handle(request, env)
    if (pathname !== '/wrap') return new Response(null, { status: 404 })
    const tasks = new BackgroundTasks()
    return tasks.wrap(answerWithThreeTasks(tasks, request))
  },
}
