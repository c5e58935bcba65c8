import { createServer, type ServerResponse } from 'node:http'
import { type AWSLambdaHandler, invokeLambdaHandler } from 'srvx/aws-lambda'
import { report } from './control.ts'
import { port } from './node.ts'

/** What Lambda tells of the answer before its body. */
interface Metadata {
  readonly statusCode: number
  readonly headers: Record<string, string>
}

type Context = Parameters<AWSLambdaHandler>[1]

/** srvx and Hono have types of their own for the same events, and Hono's has no stream in it. */
export type Handler = (...args: never[]) => unknown

/** The context of an invocation that begins now, counted as Lambda's runtime counts. */
function limited(context: Context, timeout: number): Context {
  const deadline = Date.now() + timeout
  setTimeout(report, timeout, 'cut', '')
  return { ...context, getRemainingTimeInMillis: () => deadline - Date.now() }
}

/** Lambda in front of handlers that return their answer, by their paths. */
export function serveBuffered(handlers: Readonly<Record<string, Handler>>, timeout = 30_000): void {
  createServer((request, response) => {
    const path = request.url ?? ''
    const invoked = handlers[path]
    if (invoked === undefined) {
      response.end()
      return
    }
    void invokeLambdaHandler(
      async (event, context) => {
        const result = await Reflect.apply(invoked, undefined, [event, limited(context, timeout)])
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
}

/** Lambda in front of a handler that streams its answer; it is loaded when there is what it needs. */
export async function serveStreamed(
  load: () => Promise<{ readonly handler: Handler }>,
  timeout = 30_000,
): Promise<void> {
  // Lambda's own way to stream, as far as srvx and Hono use it, over a Node response.
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
  const { handler } = await load()
  createServer((request, response) => {
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    // srvx makes the event of a request; the handler's promise is all that Lambda waits for.
    const url = `http://127.0.0.1:${port}${request.url}`
    void invokeLambdaHandler(async (event, context) => {
      const stream = Object.assign(response, { setContentType() {} })
      await Reflect.apply(handler, undefined, [event, stream, limited(context, timeout)])
      report('frozen', '')
      return ''
    }, new Request(url))
  }).listen(port, '127.0.0.1')
}
