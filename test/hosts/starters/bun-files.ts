// Prints what clients get of files, of direct streams and of what `fetch` returned: from the bare
// handler, from `withBackgroundTasks` and from a bare `wrap`.
import { once } from 'node:events'
import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { BackgroundTasks, drain, withBackgroundTasks } from '../../../src/index.ts'

const size = 16 * 2 ** 20
const folder = await mkdtemp(join(tmpdir(), 'bun-files-'))
const style = join(folder, 'style.css')
const large = join(folder, 'large.bin')
await writeFile(style, 'body { color: green }')

const encoded = { headers: { 'content-encoding': 'gzip', 'content-type': 'text/plain' } }
const upstream = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: () => new Response(gzipSync('hello'), encoded),
})

/** An option of Bun's. */
const asSent: RequestInit & { decompress: boolean } = { decompress: false }

type Answer = () => Response | Promise<Response>

const answers: Record<string, Answer> = {
  file: () => new Response(Bun.file(style)),
  large: () => new Response(Bun.file(large)),
  'stream of a file': () => new Response(Bun.file(style).stream()),
  'stream of a file, with a type': () =>
    new Response(Bun.file(style).stream(), { headers: { 'content-type': 'text/css' } }),
  'body of another response': () => new Response(new Response('text').body),
  'direct stream': () => new Response(directStream()),
  decoded: () => fetch(`http://127.0.0.1:${upstream.port}/`),
  'not decoded': () => fetch(`http://127.0.0.1:${upstream.port}/`, asSent),
}

/** One that closes itself. Bun takes more than the types say. */
function directStream(): ReadableStream {
  const source = {
    type: 'direct',
    async pull(controller: { write(text: string): void; close(): void }) {
      controller.write('one;')
      await sleep(5)
      controller.write('two;')
      controller.close()
    },
  }
  return new ReadableStream(source as object)
}

const outcomes: string[] = []
let meanwhile: () => unknown = () => {}
const task = {
  name: 'meanwhile',
  run: ({ outcome }: { outcome: string }): unknown => {
    outcomes.push(outcome)
    return meanwhile()
  },
}

type Handler = (request: Request, answer: Answer) => Response | Promise<Response>

const forms: Record<string, Handler> = {
  bare: (_, answer) => answer(),
  with: withBackgroundTasks((tasks, _request: Request, answer: Answer) => {
    tasks.addTask(task)
    return answer()
  }),
  wrap: async (request, answer) => {
    const tasks = new BackgroundTasks()
    tasks.addTask(task)
    return tasks.wrap(await answer(), { request })
  },
}

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request) {
    const [, form = '', name = ''] = decodeURIComponent(new URL(request.url).pathname).split('/')
    const [handler, answer] = [forms[form], answers[name]]
    if (handler === undefined || answer === undefined) return new Response(null, { status: 404 })
    return handler(request, answer)
  },
})

/** What a form answers, of which `look` is looked at. */
async function ask(
  name: string,
  look: (response: Response) => unknown,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const seen: Record<string, unknown> = {}
  for (const form of Object.keys(forms)) {
    const url = `http://127.0.0.1:${server.port}/${form}/${name}`
    seen[form] = await look(await fetch(url, { headers, ...asSent }))
  }
  await drain()
  return seen
}

const range = async (response: Response): Promise<string> =>
  `${response.status} ${response.headers.get('content-range')} ${await response.text()}`
const type = (response: Response): string | null => response.headers.get('content-type')
const encoding = async (response: Response): Promise<string> => {
  const isGzip = (await response.bytes())[0] === 0x1f
  return `${isGzip ? 'encoded' : 'decoded'}, content-encoding ${response.headers.get('content-encoding')}`
}

/** How many bytes a client gets that begins to read when the task has ended. */
async function download(form: string, act: () => Promise<unknown>): Promise<unknown> {
  await writeFile(large, Buffer.alloc(size, 'a'))
  const ended = Promise.withResolvers<void>()
  meanwhile = async () => {
    await act()
    ended.resolve()
  }
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.pause()
  socket.write(`GET /${form}/large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  await ended.promise
  meanwhile = () => {}
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  const sent = Buffer.concat(chunks)
  const body = sent.subarray(sent.indexOf('\r\n\r\n') + 4)
  return { bytes: body.byteLength, isOld: body.every((byte) => byte === 97) }
}

const found = {
  'a part of a file': await ask('file', range, { range: 'bytes=0-3' }),
  'the type of a stream of a file': await ask('stream of a file', type),
  'the type of it that is said': await ask('stream of a file, with a type', type),
  'the type of the body of another response': await ask('body of another response', type),
  'a direct stream': await ask('direct stream', (response) => response.text()),
  'what fetch has decoded': await ask('decoded', encoding),
  'what fetch has not decoded': await ask('not decoded', encoding),
  'a file that is deleted meanwhile': await download('with', () => rm(large)),
  'a file that another one is renamed over': await download('with', async () => {
    await writeFile(`${large}.new`, Buffer.alloc(size, 'b'))
    await rename(`${large}.new`, large)
  }),
  'the new file': (await stat(large)).size,
  outcomes: [...new Set(outcomes)],
}
await rm(folder, { recursive: true })
console.log(JSON.stringify(found))
process.exit()
