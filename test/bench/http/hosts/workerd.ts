import type { Host } from '../handlers.ts'

export const host: Omit<Host<Request, unknown, ExecutionContext>, 'serve'> = {
  // There is no signal: only the body tells. Without a `waitUntil` the request ends with it.
  floor(run, response, _request, _env, context) {
    const { promise, resolve } = Promise.withResolvers<void>()
    context?.waitUntil(promise.then(run))
    const end = (): void => void setTimeout(resolve)
    const reader = response.body?.getReader()
    const source = {
      async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
        const part = await reader?.read().catch((error: unknown) => {
          end()
          throw error
        })
        if (part?.value !== undefined) return controller.enqueue(part.value)
        end()
        controller.close()
      },
      async cancel(reason: unknown): Promise<void> {
        end()
        await reader?.cancel(reason)
      },
    }
    return new Response(new ReadableStream(source, { highWaterMark: 0 }), response)
  },
  ways: {
    // Without `waitUntil` a timer that is set at the end of the response never fires.
    pipeTo(run, response, _request, _env, context) {
      const { readable, writable } = new TransformStream()
      const ended = Promise.resolve(response.body?.pipeTo(writable)).catch(() => {})
      context?.waitUntil(ended.then(() => new Promise((resolve) => setTimeout(resolve))).then(run))
      return new Response(readable, response)
    },
    pipeThrough(run, response, _request, _env, context) {
      const { promise, resolve } = Promise.withResolvers<void>()
      context?.waitUntil(promise.then(run))
      const end = new TransformStream({ flush: () => void setTimeout(resolve) })
      return new Response(response.body?.pipeThrough(end) ?? null, response)
    },
    waitUntil(run, response, _request, _env, context) {
      context?.waitUntil(new Promise((resolve) => setTimeout(resolve)).then(run))
      return response
    },
  },
}
