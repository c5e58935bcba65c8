import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { Elysia, t } from 'elysia'
import { writeNotification } from './notification.ts'

new Elysia()
  .wrap((fetch) => provideBackgroundTasks(fetch))
  .post(
    '/notify',
    ({ body }) => {
      noteVisit(body.email)
      return { message: 'Notification sent in the background' }
    },
    { body: t.Object({ email: t.String() }) },
  )
  .listen({ hostname: '127.0.0.1', port: Number(process.env['PORT']) })

function noteVisit(email: string): void {
  backgroundTasks().addTask(writeNotification, email, 'some notification')
}
