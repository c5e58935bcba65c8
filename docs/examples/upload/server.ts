import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BackgroundTasks, drain, withBackgroundTasks } from 'background-tasks'
import { createServerAdapter } from '@whatwg-node/server'
import { readProgress, writeProgress } from './progress.ts'

const uploads = join(tmpdir(), 'background-tasks-uploads')
const page = await readFile(new URL('page.html', import.meta.url))

/** Adds to `tasks` what is to be done with the upload in `folder`, which holds a file `upload`. */
export type AddProcessing = (tasks: BackgroundTasks, folder: string) => unknown

/** Serves the page and its uploads until SIGINT or SIGTERM, waits for the tasks, and calls `close`. */
export async function serveUploads(
  addProcessing: AddProcessing,
  close: () => unknown = () => {},
): Promise<void> {
  const handler = withBackgroundTasks(async (tasks, request: Request) => {
    const { pathname } = new URL(request.url)
    const [, id, view] = /^\/uploads\/([0-9a-f-]{36})\/(events|result)$/.exec(pathname) ?? []
    if (request.method === 'POST' && pathname === '/uploads') {
      return receive(request, (folder) => addProcessing(tasks, folder))
    }
    if (pathname === '/') return new Response(page, { headers: { 'content-type': 'text/html' } })
    if (pathname === '/ping') return new Response('pong')
    if (id !== undefined && existsSync(join(uploads, id))) {
      if (view === 'events') return events(join(uploads, id))
      if (view === 'result') return result(join(uploads, id))
    }
    return new Response('Not found', { status: 404 })
  })

  const server = createServer(createServerAdapter(handler))
  server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  console.log(`Open http://127.0.0.1:${port}`)

  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  server.close()
  await drain({ timeout: 10_000 })
  server.closeAllConnections()
  await close()
}

/** FastAPI's second use: the file is stored, the client has its 202, and the work comes after. */
async function receive(
  request: Request,
  addProcessing: (folder: string) => unknown,
): Promise<Response> {
  const id = randomUUID()
  const folder = join(uploads, id)
  await mkdir(folder, { recursive: true })
  const file = createWriteStream(join(folder, 'upload'))
  // To the disk as it comes: a large file needs no more memory than a small one.
  await pipeline(request.body ?? [], file)
  await writeProgress(folder, { state: 'waiting', size: file.bytesWritten, done: 0, compressed: 0 })
  await addProcessing(folder)
  const headers = { location: `/uploads/${id}/events` }
  return Response.json({ id }, { status: 202, headers })
}

/** Server-sent events: what the task has written beside the upload, whenever it differs. */
function events(folder: string): Response {
  async function* changes(): AsyncGenerator<string> {
    let last = ''
    while (!/"state":"(?:done|failed)"/.test(last)) {
      const progress = await readProgress(folder)
      if (progress === last) await sleep(100)
      else yield `data: ${progress}\n\n`
      last = progress
    }
  }
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
  return new Response(toStream(Readable.from(changes(), { objectMode: false })), { headers })
}

function result(folder: string): Response {
  const headers = { 'content-type': 'application/gzip', 'content-disposition': 'attachment' }
  return new Response(toStream(createReadStream(join(folder, 'upload.gz'))), { headers })
}

function toStream(readable: Readable): ReadableStream {
  return Readable.toWeb(readable) as ReadableStream
}
