import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from './support/server-process.ts'

let folder: string
let server: ServerProcess | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upload-test-'))
})

afterEach(async () => {
  await server?.stop()
  await rm(folder, { recursive: true })
})

/** Starts a step as its reader does; its uploads go to a folder of the test's. */
async function start(step: string): Promise<string> {
  const file = new URL(`../docs/examples/upload/${step}.ts`, import.meta.url)
  const command = [process.execPath, fileURLToPath(file)]
  server = await startServer(command, { env: { TMPDIR: folder } })
  return `http://127.0.0.1:${server.port}`
}

function upload(origin: string, body: Uint8Array<ArrayBuffer>): Promise<Response> {
  return fetch(`${origin}/uploads`, { method: 'POST', body })
}

interface Progress {
  readonly state: string
  readonly done: number
  readonly size: number
  readonly compressed: number
}

async function readEvents(response: Response): Promise<Progress[]> {
  const text = await response.text()
  return text.split('\n\n').flatMap((event) => (event === '' ? [] : [JSON.parse(event.slice(6))]))
}

describe.each(['in-process', 'worker-thread'])(
  'docs/examples/upload/%s.ts',
  { timeout: 60_000 },
  (step) => {
    it('accepts a file, shows the progress, and gives the result', async () => {
      const origin = await start(step)
      const file = new Uint8Array(await readFile('package-lock.json'))
      const response = await upload(origin, file)
      expect(response.status).toBe(202)
      expect(await response.json()).toEqual({ id: expect.any(String) })

      const location = response.headers.get('location') ?? ''
      const events = await fetch(new URL(location, origin))
      expect(events.headers.get('content-type')).toBe('text/event-stream')
      const progress = await readEvents(events)
      const last = progress.at(-1)
      expect(last).toMatchObject({ state: 'done', done: 1, size: file.length })
      const shares = progress.map(({ done }) => done)
      expect(shares.every((share, index) => share >= (shares[index - 1] ?? 0))).toBe(true)

      const result = await fetch(new URL(location.replace('events', 'result'), origin))
      const bytes = new Uint8Array(await result.arrayBuffer())
      expect(bytes).toHaveLength(last?.compressed ?? 0)
      expect(gunzipSync(bytes).equals(file)).toBe(true)
    })

    it('processes what it has accepted before it ends', async () => {
      const origin = await start(step)
      await (await upload(origin, new Uint8Array(2_000_000))).text()
      server?.child.kill('SIGTERM')
      expect(await server?.exited).toBe(0)
      const uploads = join(folder, 'background-tasks-uploads')
      const [id = ''] = await readdir(uploads)
      const progress = await readFile(join(uploads, id, 'progress.json'), 'utf8')
      expect(JSON.parse(progress)).toMatchObject({ state: 'done', size: 2_000_000 })
    })
  },
)

describe('the steps of docs/examples/upload/', () => {
  it('differ by the line that adds the work, and by where that comes from', async () => {
    const [inProcess = [], ...others] = await Promise.all(
      ['in-process', 'worker-thread', 'bullmq'].map(async (step) => {
        const file = new URL(`../docs/examples/upload/${step}.ts`, import.meta.url)
        return (await readFile(file, 'utf8')).split('\n')
      }),
    )
    const differences = others.map((lines) => lines.filter((line, at) => line !== inProcess[at]))
    expect(differences.map((lines) => lines.length)).toEqual([1, 2])
    expect(others.map((lines) => lines.length)).toEqual([inProcess.length, inProcess.length])
  })
})

describe('docs/examples/upload/server.ts', { timeout: 60_000 }, () => {
  it('serves the page, an empty file, and nothing else', async () => {
    const origin = await start('in-process')
    const page = await fetch(origin)
    expect(page.headers.get('content-type')).toBe('text/html')
    expect(await page.text()).toContain('<title>Upload</title>')

    const response = await upload(origin, new Uint8Array())
    const events = await fetch(new URL(response.headers.get('location') ?? '', origin))
    expect((await readEvents(events)).at(-1)).toMatchObject({ state: 'done', size: 0 })

    const unknown = `${origin}/uploads/${crypto.randomUUID()}`
    for (const address of [`${unknown}/events`, `${unknown}/result`, `${origin}/uploads`]) {
      expect((await fetch(address)).status).toBe(404)
    }
  })
})
