/** FastAPI's examples of background tasks on `node:http`, and a page that draws what happens when. */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { drain } from 'background-tasks'
import { badRequest, internalServerError, send, toRequest } from '../server/adapter.ts'
import { type Command, listen, readOptions, untilStopped } from '../server/command-line.ts'
import { showFirstRequest } from './first-request.ts'
import { openLog, readLog } from './log.ts'
import { findRoute, type Route } from './routes.ts'
import { messageOf, recordTasks, tellPage, Timeline } from './timelines.ts'

const command: Command = {
  title: 'the demo',
  run: 'npm run demo',
  about: `Answers a request, prints when its tasks run, and serves a page that draws the same for each
request of the page or of curl.`,
  once: 'ends after the first request',
}

const assets: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['page.html', 'text/html'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<unknown> {
  const request = toRequest(req, res)
  if (request === undefined) return send(badRequest(), res)
  const { pathname } = new URL(request.url)
  if (request.method === 'GET' && pathname === '/events') return tellPage(res)
  const route = findRoute(request)
  if (route !== undefined) return answerWith(route, request, res)
  const asset = request.method === 'GET' && Object.hasOwn(assets, pathname) && assets[pathname]
  if (!asset) return send(new Response('Not found', { status: 404 }), res)
  const [file, type] = asset
  const headers = { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' }
  return send(new Response(await readFile(new URL(file, import.meta.url)), { headers }), res)
}

async function answerWith(route: Route, request: Request, res: ServerResponse): Promise<void> {
  const { req } = res
  const { headers, method } = request
  const timeline = new Timeline(headers.get('x-request-id'), req.url ?? '')
  timeline.record({
    type: 'request',
    method,
    path: req.url ?? '',
    client: nameClient(headers.get('user-agent') ?? ''),
    code: route.code,
  })
  res.once('close', () => {
    timeline.record({ type: 'client', state: res.writableFinished ? 'complete' : 'left' })
  })
  try {
    const response = await timeline.run(() => route.handle(request, { req, res }))
    const hasBody = response.body !== null && method !== 'HEAD'
    timeline.record({ type: 'returned', status: response.status, hasBody })
    const isClosed = await send(response, res)
    if (hasBody) timeline.record({ type: 'body', state: isClosed ? 'closed' : 'cancelled' })
  } catch (error) {
    timeline.record({ type: 'thrown', error: messageOf(error) })
    await send(internalServerError(), res)
  }
}

/** `curl` of `curl/8.14.1`. */
function nameClient(userAgent: string): string {
  return userAgent.startsWith('Mozilla/') ? 'a browser' : (userAgent.split('/')[0] ?? '')
}

const { port, isOnce } = readOptions(command)
const server = createServer((req, res) => void answer(req, res).catch(console.error))
const origin = await listen(command, server, port)
const stopped = untilStopped()
const log = await openLog()
recordTasks()
console.log(`Listening on ${origin}, writing to ${log}\n`)

await showFirstRequest(command, `${origin}/send-notification/foo@example.com`)

if (!isOnce) {
  console.log(`
Open ${origin} to see this drawn, and to try what else may happen.
What you ask in another terminal is drawn too:
  curl -X POST '${origin}/send-and-log/foo@example.com?q=some-query'
  curl --data-binary @package.json ${origin}/files/package.json
Stop with Ctrl-C.`)
  await stopped
  server.close()
  const { finished, abandoned } = await drain({ timeout: 10_000 })
  console.log(
    `\nStopped: ${finished} finished meanwhile, ${abandoned.length} given up on, log.txt:`,
  )
  console.log(await readLog())
}
server.close()
server.closeAllConnections()
