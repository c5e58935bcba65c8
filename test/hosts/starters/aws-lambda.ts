import { createServer, type ServerResponse } from 'node:http'
import { invokeLambdaHandler } from 'srvx/aws-lambda'
import { report } from '../app/control.ts'
import { port } from '../app/node.ts'

/** What Lambda tells of the answer before its body. */
interface Metadata {
  readonly statusCode: number
  readonly headers: Record<string, string>
}

/** Lambda's own way to stream, as far as srvx uses it, over a Node response. */
Object.assign(globalThis, {
  awslambda: {
    streamifyResponse: (handler: unknown) => handler,
    HttpResponseStream: {
      from(response: ServerResponse, { statusCode, headers }: Metadata) {
        response.writeHead(statusCode, headers)
        response.once('finish', () => report('answered', ''))
        return response
      },
    },
  },
})

const { handler } = await import('../examples/aws-lambda.ts')

createServer((request, response) => {
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  // srvx makes the event of a request; the handler's promise is all that Lambda waits for.
  const url = `http://127.0.0.1:${port}${request.url}`
  void invokeLambdaHandler(async (event, context) => {
    await handler(event, Object.assign(response, { setContentType() {} }), context)
    report('frozen', '')
    return ''
  }, new Request(url))
}).listen(port, '127.0.0.1')
