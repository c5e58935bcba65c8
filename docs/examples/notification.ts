/**
 * FastAPI's examples of background tasks, on `node:http`:
 * https://fastapi.tiangolo.com/tutorial/background-tasks/
 */
import { rmSync } from 'node:fs'
import { appendFile, mkdtemp, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { drain, withBackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { createServerAdapter } from '@whatwg-node/server'
import { listen, readOptions, showTimeline } from './notification/demo.ts'

// 1. A function and its arguments: POST /send-notification/foo@example.com

async function writeNotification(email: string, { message = '' } = {}): Promise<void> {
  // As long as a mail server may take.
  await sleep(300)
  await writeLog(`notification for ${email}: ${message}`)
}

const sendNotification = withBackgroundTasks((tasks, request: Request) => {
  tasks.addTask(writeNotification, lastSegmentOf(request), { message: 'some notification' })
  return Response.json({ message: 'Notification sent in the background' })
})

// 2. A dependency adds to the same list: POST /send-and-log/foo@example.com?q=some-query

function getQuery(request: Request): string | null {
  const q = new URL(request.url).searchParams.get('q')
  if (q) backgroundTasks().addTask(writeLog, `found query: ${q}`)
  return q
}

const sendAndLog = provideBackgroundTasks((request: Request) => {
  getQuery(request)
  backgroundTasks().addTask(writeLog, `message to ${lastSegmentOf(request)}`)
  return Response.json({ message: 'Message sent' })
})

// 3. A file is accepted, and processed after that: POST /files/notes.txt

async function processFile(name: string, text: string): Promise<void> {
  const lines = text.split('\n')
  // As slow as what you have in mind.
  for (const _ of lines) await sleep(10)
  await writeLog(`processed ${name}: ${lines.length} lines`)
}

const acceptFile = withBackgroundTasks(async (tasks, request: Request) => {
  tasks.addTask(processFile, lastSegmentOf(request), await request.text())
  return Response.json({ message: 'File accepted' }, { status: 202 })
})

// What a framework would do.

type Handler = (request: Request, context: object) => Promise<Response>

const routes: Record<string, Handler> = {
  'send-notification': sendNotification,
  'send-and-log': sendAndLog,
  files: acceptFile,
}

const server = createServer(
  createServerAdapter((request: Request, context: object) => {
    const [, name = ''] = new URL(request.url).pathname.split('/')
    const handler = request.method === 'POST' && Object.hasOwn(routes, name) && routes[name]
    return handler ? handler(request, context) : new Response('Not found', { status: 404 })
  }),
)

function lastSegmentOf(request: Request): string {
  return decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '')
}

function writeLog(line: string): Promise<void> {
  return appendFile(log, `${line}\n`)
}

const { port, isOnce } = readOptions()
const origin = await listen(server, port)
const stopped = new Promise((resolve) => process.on('SIGINT', resolve).on('SIGTERM', resolve))
const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
const log = join(folder, 'log.txt')
process.once('exit', () => rmSync(folder, { recursive: true }))
console.log(`Listening on ${origin}, writing to ${log}\n`)

await showTimeline(`${origin}/send-notification/foo@example.com`, log)

if (!isOnce) {
  console.log(`
Try the others, and stop with Ctrl-C:
  curl -X POST '${origin}/send-and-log/foo@example.com?q=some-query'
  curl --data-binary @package.json ${origin}/files/package.json`)
  await stopped
  server.close()
  const { finished, abandoned } = await drain({ timeout: 10_000 })
  console.log(
    `\nStopped: ${finished} finished meanwhile, ${abandoned.length} given up on, log.txt:`,
  )
  console.log((await readFile(log, 'utf8')).trimEnd())
}
server.close()
server.closeAllConnections()
