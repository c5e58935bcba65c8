import { createServer } from 'node:http'
import { createRequestListener } from '@remix-run/node-fetch-server'
import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from './notification.ts'

const listener = createRequestListener(
  withBackgroundTasks((tasks) => {
    tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
    return Response.json({ message: 'Notification sent in the background' })
  }),
)
createServer(listener).listen(process.env['PORT'])
