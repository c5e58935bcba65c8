import type { Host } from '../handlers.ts'

export const host: Host<Request, Deno.ServeHandlerInfo> = {
  serve: (handler, port) =>
    Deno.serve({ port, hostname: '127.0.0.1', onListen() {} }, (request, info) =>
      handler(request, info),
    ),
  floor(run, response, _request, info) {
    const after = (): void => void setTimeout(run)
    info?.completed.then(after, after)
    return response
  },
}
