import { withBackgroundTasks } from 'background-tasks'
import { notify } from './notify.ts'

export const handler = withBackgroundTasks((tasks, request: Request) => {
  const id = new URL(request.url).searchParams.get('id')
  if (id === null) return new Response('Say an id', { status: 400 })
  tasks.addTask({ name: 'notify', run: ({ signal }) => notify(id, signal) })
  return Response.json({ id }, { status: 202 })
})
