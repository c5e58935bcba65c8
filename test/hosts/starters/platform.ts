import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import { Invocation } from '../app/invocation.ts'
import { port } from '../app/node.ts'

type Handler = (request: Request, context?: Invocation) => Promise<Response>

const [name = '', program = ''] = process.argv.slice(2)
/** Milliseconds after which the platform ends an invocation. */
const timeout = 2000

// Where Vercel and Neon keep the context of the invocation under way.
const invocations = new AsyncLocalStorage<Invocation>()
const places: Record<string, string> = {
  vercel: '@vercel/request-context',
  neon: '@neondatabase/functions/request-context',
}
const place = places[name]
if (place !== undefined) {
  Reflect.set(globalThis, Symbol.for(place), { get: () => invocations.getStore() })
}

const { default: exported }: { default: Handler | { fetch: Handler } } = await import(program)

/** Netlify passes its context; the others pass the request alone. */
function handle(request: Request, invocation: Invocation): Promise<Response> {
  if (typeof exported === 'function') return exported(request, invocation)
  return invocations.run(invocation, () => exported.fetch(request))
}

createServer(async (incoming, response) => {
  if (incoming.method === 'HEAD') {
    response.end()
    return
  }
  const invocation = new Invocation(timeout)
  const answer = await handle(new Request(`http://127.0.0.1:${port}${incoming.url}`), invocation)
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  for await (const chunk of answer.body ?? []) response.write(chunk)
  response.end()
  await once(response, 'close')
  await invocation.freeze()
}).listen(port, '127.0.0.1')
