import { drain } from 'background-tasks'
import { streamHandle } from 'hono/aws-lambda'
import { app } from './hono-app.ts'

const answer = streamHandle(app)

export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  // Hono's type leaves out the stream.
  await Reflect.apply(answer, undefined, [event, responseStream, context])
  await drain()
})
