import { drain } from 'background-tasks'
import { handle } from 'hono/aws-lambda'
import { app } from './hono-app.ts'

const answer = handle(app)

export const handler: typeof answer = async (event, context) => {
  const result = await answer(event, context)
  await drain()
  return result
}
