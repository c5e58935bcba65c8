// The server of requests.ts: every way of running a task after a small JSON, by path.
import { createServer } from 'node:http'
import { serve as serveHono } from '@hono/node-server'
import { createServerAdapter } from '@whatwg-node/server'
import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'
import { serve } from 'srvx'

type Handler = (request: Request, info: never) => Response | Promise<Response>

const [host] = process.argv.slice(2)
const port = Number(process.env['PORT'])
const hostname = '127.0.0.1'
let done = 0

function answer(): Response {
  return Response.json({ message: 'hello' })
}

function task(): void {
  done += 1
}

const handlers: Record<string, Handler> = {
  bare: () => answer(),
  handler: withBackgroundTasks((tasks, _request: Request, _info: never) => {
    tasks.addTask(task)
    return answer()
  }),
  wrap: () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(task)
    return tasks.wrap(answer())
  },
  pipeThrough: () => {
    const response = answer()
    const end = new TransformStream({ flush: () => void setTimeout(task) })
    return new Response(response.body?.pipeThrough(end) ?? null, response)
  },
  // Next.js's way: the body is piped into a stream, and the end of the pipe is observed.
  pipeTo: () => {
    const response = answer()
    const { readable, writable } = new TransformStream()
    void response.body?.pipeTo(writable).finally(() => setTimeout(task))
    return new Response(readable, response)
  },
}

function route(request: Request, info: never): Response | Promise<Response> {
  const way = request.url.slice(request.url.lastIndexOf('/') + 1)
  return handlers[way]?.(request, info) ?? new Response(null, { status: 404 })
}

const starters: Record<string, () => unknown> = {
  'whatwg-node': () => createServer(createServerAdapter(route as never)).listen(port, hostname),
  srvx: () => serve({ fetch: route as never, port, hostname, silent: true }),
  hono: () => serveHono({ fetch: route as never, port, hostname }),
  bun: () => Reflect.get(globalThis, 'Bun').serve({ fetch: route, port, hostname }),
  deno: () =>
    Reflect.get(globalThis, 'Deno').serve({ port, hostname, onListen() {} }, route as never),
}
starters[host ?? '']?.()
