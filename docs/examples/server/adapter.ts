/**
 * A fetch handler on `node:http`, in no more than the examples need. In earnest take an adapter that
 * is tested against the whole web: `@hono/node-server`, `srvx` or `@whatwg-node/server`.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as NodeStream } from 'node:stream/web'

/** What this host passes beside the request: `background-tasks` finds the end of the response in it. */
export interface NodeContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

const prematureClose = 'ERR_STREAM_PREMATURE_CLOSE'

export type FetchHandler = (request: Request, context: NodeContext) => Response | Promise<Response>

/** A listener for `createServer` of `node:http`. */
export function toListener(handler: FetchHandler): RequestListener {
  return async (req, res) => {
    const request = toRequest(req, res)
    let response = badRequest()
    try {
      if (request !== undefined) response = await handler(request, { req, res })
    } catch (error) {
      console.error(error)
      response = internalServerError()
    }
    await send(response, res)
  }
}

/** `undefined` for what a `Request` cannot hold, such as the method TRACE. */
export function toRequest(req: IncomingMessage, res: ServerResponse): Request | undefined {
  const { method = 'GET', url = '/', headers } = req
  const gone = new AbortController()
  res.once('close', () => {
    if (!res.writableFinished) gone.abort(new DOMException('The client went away', 'AbortError'))
  })
  const hasBody = method !== 'GET' && method !== 'HEAD'
  try {
    return new Request(`http://${headers.host}${url}`, {
      method,
      headers: Object.entries(req.headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      ),
      signal: gone.signal,
      ...(hasBody ? { body: toWeb(req), duplex: 'half' } : {}),
    })
  } catch {
    return undefined
  }
}

/** Resolves with whether the body was read to its end: the client may leave, the source may fail. */
export async function send(response: Response, res: ServerResponse): Promise<boolean> {
  const { status, statusText, headers, body } = response
  try {
    if (res.destroyed) await body?.cancel()
    else res.writeHead(status, statusText || undefined, [...headers].flat())
    if (body === null || res.req.method === 'HEAD') res.end()
    // The one place that knows of both, the client and the source.
    else if (!res.destroyed) await pipeline(toReadable(body), res)
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === prematureClose
    if (!isGone) console.error(error)
  }
  return res.writableFinished
}

// Where lib.dom and Node mean the same stream, TypeScript sees two.
function toReadable(stream: ReadableStream): Readable {
  return Readable.fromWeb(stream as NodeStream)
}

export function toWeb(readable: Readable): ReadableStream {
  return Readable.toWeb(readable) as ReadableStream
}

export function badRequest(): Response {
  return new Response('Bad Request', { status: 400 })
}

export function internalServerError(): Response {
  return new Response('Internal Server Error', { status: 500 })
}
