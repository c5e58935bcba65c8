import process from 'node:process'
import { Invocation } from '../app/invocation.ts'
import { port } from '../app/node.ts'

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>

const [name = '', program = ''] = process.argv.slice(2)

const { serve } = Deno
/** That of a worker, which is ended some time after it has said so. */
const invocation = new Invocation(60_000)

/** Where the platform listens is up to it. */
function listen(handler: Handler): unknown {
  return serve({ port, hostname: '127.0.0.1', onListen() {} }, (request, info) => {
    if (request.method === 'HEAD') return new Response(null)
    setTimeout(() => dispatchEvent(new Event('beforeunload')), 500)
    void info.completed.then(() => invocation.freeze())
    return handler(request, info)
  })
}

if (name === 'supabase') Object.assign(globalThis, { EdgeRuntime: invocation })
else Object.assign(globalThis, { Bunny: { v1: Object.assign(invocation, { serve: listen }) } })
Object.assign(Deno, { serve: listen })

await import(program)
