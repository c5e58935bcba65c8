import { drain } from 'background-tasks'
import { streamHandle } from 'hono/aws-lambda'
import { app } from './hono-app.ts'

const answer = streamHandle(app)

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  await answer(event, responseStream, context)
  await drain()
})
