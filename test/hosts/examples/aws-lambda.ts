import { drain, withBackgroundTasks } from 'background-tasks'
import { handleLambdaEventWithStream } from 'srvx/aws-lambda'

async function writeNotification(email: string, { message }: { message: string }): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

const fetch = withBackgroundTasks((tasks) => {
  tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' })
})

export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  await handleLambdaEventWithStream(fetch, event, stream, context)
  await drain()
})
