import { withBackgroundTasks } from 'background-tasks'
import { Elysia, t } from 'elysia'
import { writeNotification } from './notification.ts'

interface Notification {
  body: { email: string }
}

new Elysia()
  .post(
    '/notify',
    withBackgroundTasks((tasks, { body }: Notification) => {
      tasks.addTask(writeNotification, body.email, 'some notification')
      return Response.json({ message: 'Notification sent in the background' })
    }),
    { body: t.Object({ email: t.String() }) },
  )
  .listen({ hostname: '127.0.0.1', port: Number(process.env['PORT']) })
