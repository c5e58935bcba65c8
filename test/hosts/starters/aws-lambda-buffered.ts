import { createServer } from 'node:http'
import { withBackgroundTasks } from 'background-tasks'
import { type AWSLambdaHandler, invokeLambdaHandler, toLambdaHandler } from 'srvx/aws-lambda'
import { report } from '../app/control.ts'
import { port } from '../app/node.ts'
import { handler } from '../examples/aws-lambda-buffered.ts'

// As a user who does not wait.
const forgetful = toLambdaHandler({
  fetch: withBackgroundTasks((tasks) => {
    tasks.addTask(report, 'forgotten', '')
    return new Response('answered')
  }),
})

const handlers: Record<string, AWSLambdaHandler> = { '/notify': handler, '/forgetful': forgetful }

createServer((request, response) => {
  const path = request.url ?? ''
  const invoked = handlers[path]
  if (invoked === undefined) {
    response.end()
    return
  }
  void invokeLambdaHandler(
    async (event, context) => {
      const result = await invoked(event, context)
      // Lambda sends what the promise brings, and runs nothing any more.
      report('frozen', path)
      return result
    },
    new Request(`http://127.0.0.1:${port}${path}`),
  ).then(async ({ status, headers, body }) => {
    response.writeHead(status, Object.fromEntries(headers))
    for await (const chunk of body ?? []) response.write(chunk)
    response.end()
  })
}).listen(port, '127.0.0.1')
