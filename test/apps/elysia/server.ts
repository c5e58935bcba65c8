import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { type Context, Elysia } from 'elysia'
import { answer } from '../scenario.ts'

const listen = { hostname: '127.0.0.1', port: Number(process.env['PORT']) }

const wrapping = async ({ request }: Context): Promise<Response> => {
  const tasks = new BackgroundTasks()
  return tasks.wrap(await answer(() => tasks, request), { request })
}
const handler = withBackgroundTasks((tasks, { request }: Context) => answer(() => tasks, request))
const late = withBackgroundTasks(async (tasks) => {
  await Promise.resolve()
  return { tasks: tasks.tasks.length }
})
const provided = ({ request }: Context): Promise<Response> => answer(backgroundTasks, request)

if (process.argv.includes('provided')) {
  new Elysia()
    .wrap((fetch) => provideBackgroundTasks(fetch))
    .get('/provided', provided)
    .post('/provided', provided)
    .listen(listen)
} else {
  new Elysia()
    .get('/wrap', wrapping)
    .post('/wrap', wrapping)
    .get('/handler', handler)
    .post('/handler', handler, { parse: 'none' })
    .get('/late', late, { afterHandle: ({ responseValue }) => ({ seen: responseValue }) })
    .listen(listen)
}
