import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { drain, withBackgroundTasks } from 'background-tasks'
import { type NodeContext, toListener, toWeb } from '../server/adapter.ts'
import { listen, readOptions, untilStopped } from '../server/command-line.ts'
import { commandOf } from './command.ts'
import type { AddProcessing, Job, Way } from './job.ts'
import { findVisitor, isOwner, setOwner, type Visitor } from './owner.ts'
import { uploadSample } from './sample.ts'
import { writeProgress } from './progress.ts'

/** Milliseconds that a result can be fetched for. */
const keptFor = 3_600_000

/** Serves the page and its uploads until SIGINT or SIGTERM, waits for the tasks, and cleans up. */
export async function serveUploads(way: Way, addProcessing: AddProcessing): Promise<void> {
  const command = commandOf(way.name)
  const { port, isOnce } = readOptions(command)
  const page = await readPage(way)
  const handler = withBackgroundTasks(async (tasks, request: Request, _context: NodeContext) => {
    const { pathname } = new URL(request.url)
    const visitor = findVisitor(request)
    if (request.method === 'POST' && pathname === '/uploads') {
      return receive(request, visitor, way.folder, (folder) => addProcessing(tasks, folder))
    }
    if (pathname === '/') return html(page, visitor)
    if (pathname === '/ping') return new Response('pong')
    const [, id, view] = /^\/jobs\/([\w-]+)(?:\/(events|result))?$/.exec(pathname) ?? []
    const find = (): Promise<Job | undefined> => findJob(way, id, visitor)
    const job = await find()
    // For a job of somebody else's too: who asks does not even learn that there is one.
    if (job === undefined) return new Response('Not found', { status: 404 })
    if (view === 'events') return events(find)
    if (view === 'result') return download(job)
    return status(job, pathname)
  })

  const server = createServer(toListener(handler))
  const origin = await listen(command, server, port)
  await mkdir(way.folder, { recursive: true })
  const sweeping = setInterval(() => void sweep(way.folder), 60_000)
  const stopped = untilStopped()
  console.log(`Listening on ${origin}, ${way.title}`)
  if (isOnce) await uploadSample(origin)
  else {
    console.log(`Open ${origin}, and stop with Ctrl-C`)
    await stopped
  }
  server.close()
  clearInterval(sweeping)
  const { finished, abandoned } = await drain({ timeout: 10_000 })
  if (!isOnce) {
    console.log(`\nStopped: ${finished} finished meanwhile, ${abandoned.length} given up on`)
  }
  server.closeAllConnections()
  await way.close()
}

// #region owner
async function findJob(
  way: Way,
  id: string | undefined,
  visitor: Visitor,
): Promise<Job | undefined> {
  const job = id === undefined ? undefined : await way.find(id)
  return job !== undefined && (await isOwner(job.folder, visitor)) ? job : undefined
}
// #endregion

/** FastAPI's second use: the file is stored, the client has its 202, and the work comes after. */
async function receive(
  request: Request,
  visitor: Visitor,
  uploads: string,
  addProcessing: (folder: string) => unknown,
): Promise<Response> {
  const folder = join(uploads, randomUUID())
  await mkdir(folder, { recursive: true })
  try {
    const file = createWriteStream(join(folder, 'upload'))
    // To the disk as it comes: a large file needs no more memory than a small one.
    await pipeline(request.body ?? [], file)
    await writeProgress(folder, { size: file.bytesWritten, done: 0, compressed: 0 })
    await setOwner(folder, visitor)
    const added = await addProcessing(folder)
    const id = typeof added === 'string' ? added : basename(folder)
    const headers = withCookie(visitor, { location: `/jobs/${id}` })
    return Response.json({ id }, { status: 202, headers })
  } catch (error) {
    // Nobody was promised anything.
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

// #region status
/** The resource that the 202 has named. */
function status(job: Job, pathname: string): Response {
  const result = job.state === 'done' ? { result: `${pathname}/result` } : {}
  // In seconds: when to ask again.
  const again = isOver(job) ? {} : { 'retry-after': '1' }
  const headers = { 'cache-control': 'no-store', ...again }
  return Response.json({ ...describe(job), ...result }, { headers })
}
// #endregion

function describe({ state, progress }: Job): object {
  return { state, ...progress }
}

function isOver({ state }: Job): boolean {
  return state === 'done' || state === 'failed'
}

/** Server-sent events: what the status route would tell, whenever it differs. */
function events(find: () => Promise<Job | undefined>): Response {
  async function* changes(): AsyncGenerator<string> {
    let last = ''
    for (;;) {
      const job = await find()
      if (job === undefined) return
      const text = JSON.stringify(describe(job))
      if (text !== last) yield `data: ${text}\n\n`
      last = text
      if (isOver(job)) return
      await sleep(100)
    }
  }
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
  return new Response(toWeb(Readable.from(changes(), { objectMode: false })), { headers })
}

function download({ folder }: Job): Response {
  const path = join(folder, 'upload.gz')
  if (!existsSync(path)) return new Response('Not found', { status: 404 })
  const headers = {
    'content-type': 'application/gzip',
    'content-length': String(statSync(path).size),
    'content-disposition': 'attachment',
  }
  return new Response(toWeb(createReadStream(path)), { headers })
}

function html(page: string, visitor: Visitor): Response {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
  return new Response(page, { headers: withCookie(visitor, headers) })
}

function withCookie({ cookie }: Visitor, headers: Record<string, string>): Record<string, string> {
  return cookie === undefined ? headers : { ...headers, 'set-cookie': cookie }
}

/** Says which way it is. */
async function readPage(way: Way): Promise<string> {
  const text = await readFile(new URL('page.html', import.meta.url), 'utf8')
  const { title, lesson, lost } = way
  const words: Readonly<Record<string, string>> = { title, lesson, lost, pid: String(process.pid) }
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, word) => words[word] ?? '')
}

/** Removes results that have been there for long enough. */
async function sweep(uploads: string): Promise<void> {
  for (const name of await readdir(uploads)) {
    const { mtimeMs } = statSync(join(uploads, name, 'upload.gz'), { throwIfNoEntry: false }) ?? {}
    if (mtimeMs !== undefined && Date.now() - mtimeMs > keptFor) {
      await rm(join(uploads, name), { recursive: true })
    }
  }
}
