import { withBackgroundTasks } from 'background-tasks'
import { H3, type H3Event, serve } from 'h3'
import { writeNotification } from './notification.ts'

const app = new H3()

app.post(
  '/notify',
  withBackgroundTasks(async (tasks, event: H3Event<{ body: { email: string } }>) => {
    const { email } = await event.req.json()
    tasks.addTask(writeNotification, email, 'some notification')
    return { message: 'Notification sent in the background' }
  }),
)

serve(app, { hostname: '127.0.0.1' })
