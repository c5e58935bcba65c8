/** The parts of the runtimes' own globals that the starters use: their types exclude each other. */
declare namespace Bun {
  interface Socket {
    send(message: string): void
  }
  interface Server {
    readonly port: number
    upgrade(request: Request): boolean
  }
  interface ServeOptions {
    readonly port?: number
    readonly hostname?: string
    readonly development?: boolean
    readonly websocket?: { message(socket: Socket, message: string): void }
    fetch(request: Request, server: Server): Response | Promise<Response>
  }
  function serve(options: ServeOptions): Server
  function file(path: string): Blob
}

declare namespace Deno {
  interface ServeHandlerInfo {
    readonly completed: Promise<void>
  }
  interface ServeOptions {
    readonly port: number
    readonly hostname: string
    onListen?(): void
  }
  function serve(
    options: ServeOptions,
    handler: (request: Request, info: ServeHandlerInfo) => Response | Promise<Response>,
  ): unknown
  function serve(
    handler: (request: Request, info: ServeHandlerInfo) => Response | Promise<Response>,
  ): unknown
  function upgradeWebSocket(request: Request): { socket: WebSocket; response: Response }
}

declare namespace Bunny {
  const v1: { serve(handler: (request: Request) => Response | Promise<Response>): void }
}

/** AWS Lambda's, for answers that are streamed. */
declare namespace awslambda {
  type Handler = import('srvx/aws-lambda').AWSLambdaStreamingHandler
  function streamifyResponse(handler: Handler): Handler
}

interface ExecutionContext {
  readonly props: unknown
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException(): void
}

declare class WebSocketPair {
  0: WorkerSocket
  1: WorkerSocket
}

interface WorkerSocket extends WebSocket {
  accept(): void
}

interface ResponseInit {
  webSocket?: WebSocket
}

/** Of a service worker, which a Worker may be too. */
interface FetchEvent extends Event {
  readonly request: Request
  respondWith(response: Response | Promise<Response>): void
  waitUntil(promise: Promise<unknown>): void
}

interface WindowEventMap {
  fetch: FetchEvent
}
