import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort, type ServerProcess, startServer } from './support/server-process.ts'
import { Uploader } from './support/uploader.ts'

const steps = ['in-process', 'worker-thread'] as const

let folder: string
let server: ServerProcess | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upload-test-'))
})

afterEach(async () => {
  await server?.stop()
  await rm(folder, { recursive: true })
})

function commandOf(step: string): [file: string, path: string] {
  const file = new URL(`../docs/examples/upload/${step}.ts`, import.meta.url)
  return [process.execPath, fileURLToPath(file)]
}

/** Starts a step as its reader does; its uploads go to a folder of the test's. */
async function start(step: string): Promise<string> {
  server = await startServer(commandOf(step), { env: { TMPDIR: folder } })
  return `http://127.0.0.1:${server.port}`
}

interface Ended {
  readonly code: unknown
  readonly stdout: string
  readonly stderr: string
}

/** Runs a step that ends by itself. */
async function run(step: string, args: readonly string[]): Promise<Ended> {
  const [file, path] = commandOf(step)
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(file, [path, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

describe.each(steps)('docs/examples/upload/%s.ts', { timeout: 60_000 }, (step) => {
  it('accepts a file, shows the progress, and gives the result', async () => {
    const uploader = new Uploader(await start(step))
    const file = new Uint8Array(await readFile('package-lock.json'))
    const location = await uploader.upload(file)
    const progress = await uploader.events(location)
    expect(progress.at(-1)).toMatchObject({ state: 'done', done: 1, size: file.length })
    const shares = progress.map(({ done }) => done)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))

    const status = await uploader.status(location)
    expect(status).toEqual({ ...progress.at(-1), result: `${location}/result` })
    const bytes = await uploader.result(location)
    expect(bytes).toHaveLength(status.compressed)
    expect(gunzipSync(bytes).equals(file)).toBe(true)
  })

  it('tells at the address of its 202 what is in flight', async () => {
    const uploader = new Uploader(await start(step))
    const location = await uploader.upload(new Uint8Array(60_000_000))
    const response = await uploader.fetch(location)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toMatchObject({
      state: expect.stringMatching(/^(?:waiting|running)$/),
      size: 60_000_000,
    })
    expect((await uploader.events(location)).at(-1)).toMatchObject({ state: 'done' })
    expect((await uploader.fetch(location)).headers.has('retry-after')).toBe(false)
  })

  it('processes what it has accepted before it ends, and cleans up', async () => {
    const uploader = new Uploader(await start(step))
    await uploader.upload(new Uint8Array(20_000_000))
    server?.child.kill('SIGTERM')
    expect(await server?.exited).toBe(0)
    expect(server?.output()).toMatch(/^Stopped: [01] finished meanwhile, 0 given up on$/m)
    expect(await readdir(folder)).toEqual([])
  })

  it('uploads a sample with --once, prints what happens, and ends', async () => {
    const { code, stdout, stderr } = await run(step, ['--once', '--port=0'])
    expect([code, stderr]).toEqual([0, ''])
    const events = [...stdout.matchAll(/^ *\d+\.\d ms {2}(.*)$/gm)].map(([, event = '']) => event)
    expect(events[0]).toMatch(/^upload sent: POST \S+\/uploads, 8 MB$/)
    expect(events[1]).toMatch(/^response complete: 202, its status is at \/jobs\/[\w-]{36}$/)
    expect(events).toContainEqual(expect.stringMatching(/^running: \d+ %$/))
    expect(events.at(-2)).toMatch(/^compressed to \d+\.\d MB$/)
    expect(events.at(-1)).toMatch(/^slowest answer of the server meanwhile: \d+ ms$/)
    expect(await readdir(folder)).toEqual([])
  })
})

describe('the steps of docs/examples/upload/', () => {
  it('differ by the line that adds the work, and by where that and the way come from', async () => {
    const [inProcess = [], ...others] = await Promise.all(
      ['in-process', 'worker-thread', 'bullmq'].map(async (step) => {
        const file = new URL(`../docs/examples/upload/${step}.ts`, import.meta.url)
        return (await readFile(file, 'utf8')).split('\n')
      }),
    )
    const differences = others.map((lines) => lines.filter((line, at) => line !== inProcess[at]))
    expect(differences.map((lines) => lines.length)).toEqual([2, 3])
    expect(others.map((lines) => lines.length)).toEqual([inProcess.length, inProcess.length])
  })
})

describe('docs/examples/upload/server.ts', { timeout: 60_000 }, () => {
  it('serves the page, an empty file, and nothing else', async () => {
    const origin = await start('in-process')
    const page = await fetch(origin)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const text = await page.text()
    expect(text).toContain('<title>Upload, in process</title>')
    expect(text).toContain(`kill -9 ${server?.child.pid}`)
    expect(text).not.toContain('{{')

    const uploader = new Uploader(origin)
    const location = await uploader.upload(new Uint8Array())
    expect((await uploader.events(location)).at(-1)).toMatchObject({ state: 'done', size: 0 })

    const unknown = `/jobs/${crypto.randomUUID()}`
    const paths = [unknown, `${unknown}/events`, `${unknown}/result`, '/jobs/', '/uploads']
    for (const path of [...paths, '/jobs/%2e%2e%2f', `${location}/upload`]) {
      expect((await uploader.fetch(path)).status).toBe(404)
    }
  })

  it('tells a stranger who knows the address nothing, not even that there is a job', async () => {
    const origin = await start('in-process')
    const location = await new Uploader(origin).upload(new Uint8Array(1000))
    const stranger = new Uploader(origin)
    await stranger.upload(new Uint8Array(1))
    for (const path of [location, `${location}/events`, `${location}/result`]) {
      for (const response of [await fetch(new URL(path, origin)), await stranger.fetch(path)]) {
        expect([response.status, await response.text()]).toEqual([404, 'Not found'])
      }
    }
  })

  it('gives its visitor a cookie that no script reads and no other site sends', async () => {
    const response = await fetch(await start('in-process'))
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^visitor=[\w-]{36}; HttpOnly; SameSite=Strict; Path=\/$/),
    ])
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const again = await fetch(response.url, { headers: { cookie } })
    expect(again.headers.getSetCookie()).toEqual([])
  })

  it('keeps nothing of an upload whose client has left', async () => {
    const origin = await start('in-process')
    const uploads = join(folder, `background-tasks-uploads-${server?.child.pid}`)
    const upload = request(`${origin}/uploads`, { method: 'POST' }).on('error', () => {})
    upload.write(new Uint8Array(100_000))
    while ((await readdir(uploads)).length === 0) await new Promise(setImmediate)
    upload.destroy()
    while ((await readdir(uploads)).length > 0) await new Promise(setImmediate)
  })

  it('removes what a process has left that was killed', async () => {
    const dead = spawn(process.execPath, ['--version'])
    await once(dead, 'close')
    const left = join(folder, `background-tasks-uploads-${dead.pid}`)
    const others = join(folder, `background-tasks-uploads-${process.pid}`)
    for (const path of [left, others]) {
      await mkdir(path)
      await writeFile(join(path, 'upload'), '')
    }
    await start('in-process')
    expect(existsSync(left)).toBe(false)
    expect(existsSync(others)).toBe(true)
  })

  it.each(['in-process', 'worker-thread', 'bullmq'])(
    'says with --help what %s does, and starts nothing',
    async (step) => {
      const { code, stdout, stderr } = await run(step, ['--help'])
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain(`Usage: npm run upload:${step} -- [--port=<number>]`)
      expect(await readdir(folder)).toEqual([])
    },
  )

  it('refuses what it does not know, and a port that is taken, in one sentence', async () => {
    const known = 'pass only --port=<number>, --once and --help'
    expect(await run('in-process', ['--prot=1'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `Cannot start the upload example: there is no option --prot=1, ${known}\n`,
    })
    const port = await freePort()
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    expect(await run('in-process', [`--port=${port}`])).toEqual({
      code: 1,
      stdout: '',
      stderr: `Cannot start the upload example: port ${port} is taken, pass another\n`,
    })
    other.close()
    expect(await readdir(folder)).toEqual([])
  })
})
