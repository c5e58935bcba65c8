import { drain, withBackgroundTasks } from 'background-tasks'
import { handleLambdaEventWithStream } from 'srvx/aws-lambda'
import { writeNotification } from './notification.ts'

const fetch = withBackgroundTasks((tasks) => {
  tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' })
})

export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  await handleLambdaEventWithStream(fetch, event, stream, context)
  await drain()
})
