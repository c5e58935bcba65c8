import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { H3, type H3Event, serve } from 'h3'
import { writeNotification } from './notification.ts'

const app = new H3()

app.use(provideBackgroundTasks((_event, next) => next()))

app.post('/notify', async (event: H3Event<{ body: { email: string } }>) => {
  const { email } = await event.req.json()
  noteVisit(email)
  return { message: 'Notification sent in the background' }
})

function noteVisit(email: string): void {
  backgroundTasks().addTask(writeNotification, email, 'some notification')
}

serve(app, { hostname: '127.0.0.1' })
