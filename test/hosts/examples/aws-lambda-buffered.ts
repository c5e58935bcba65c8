import { drain, withBackgroundTasks } from 'background-tasks'
import { toLambdaHandler } from 'srvx/aws-lambda'

async function writeNotification(email: string, { message }: { message: string }): Promise<void> {
  console.log(`notification for ${email}: ${message}`)
}

const answer = toLambdaHandler({
  fetch: withBackgroundTasks((tasks) => {
    tasks.addTask(writeNotification, 'ada@example.com', { message: 'some notification' })
    return Response.json({ message: 'Notification sent in the background' })
  }),
})

export const handler: typeof answer = async (event, context) => {
  const result = await answer(event, context)
  await drain()
  return result
}
