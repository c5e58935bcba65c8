import { createServer } from 'node:http'
import { createServerAdapter } from '@whatwg-node/server'
import { withBackgroundTasks } from 'background-tasks'
import { writeNotification } from './notification.ts'

const adapter = createServerAdapter(
  withBackgroundTasks((tasks) => {
    tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
    return Response.json({ message: 'Notification sent in the background' })
  }),
)
createServer(adapter).listen(process.env['PORT'])
