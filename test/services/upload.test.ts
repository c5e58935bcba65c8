import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { install, redisServer } from './install.ts'
import { eventually } from './programs.ts'

describe('docs/examples/upload/bullmq.ts', () => {
  let folder: string
  let server: ServerProcess | undefined
  beforeEach(async () => {
    await install(redisServer)
    folder = await mkdtemp(join(tmpdir(), 'upload-test-'))
  })
  afterEach(async () => {
    await server?.stop()
    await rm(folder, { recursive: true })
  })

  /** Starts it as its reader does: without a Redis of theirs it brings its own. */
  async function start(): Promise<string> {
    const file = new URL('../../docs/examples/upload/bullmq.ts', import.meta.url)
    server = await startServer([process.execPath, fileURLToPath(file)], {
      env: { TMPDIR: folder },
    })
    return `http://127.0.0.1:${server.port}`
  }

  it('processes an upload in the other process, and shows its progress', async () => {
    const origin = await start()
    const file = new Uint8Array(await readFile('package-lock.json'))
    const response = await fetch(`${origin}/uploads`, { method: 'POST', body: file })
    expect(response.status).toBe(202)
    const location = response.headers.get('location') ?? ''
    const events = await (await fetch(new URL(location, origin))).text()
    const last = JSON.parse(events.trim().split('\n\n').at(-1)?.slice('data: '.length) ?? '')
    expect(last).toMatchObject({ state: 'done', done: 1, size: file.length })
    const result = await fetch(new URL(location.replace('events', 'result'), origin))
    expect(gunzipSync(new Uint8Array(await result.arrayBuffer())).equals(file)).toBe(true)
  })

  it('ends in order, and goes on with what it has accepted at its next start', async () => {
    const origin = await start()
    const sizes = [3_000_000, 2_000_000, 1_000_000]
    for (const size of sizes) await upload(origin, new Uint8Array(size))
    server?.child.kill('SIGTERM')
    expect(await server?.exited).toBe(0)
    await start()
    await eventually(async () => (await states()).join() === 'done,done,done')
  })

  it('goes on with what it has accepted when it is started again after a kill -9', async () => {
    const origin = await start()
    // Random bytes: there is a moment in which these are being compressed.
    await upload(origin, randomBytes(60_000_000))
    await eventually(async () => (await states()).join() === 'running')
    await upload(origin, new Uint8Array(1_000_000))
    server?.child.kill('SIGKILL')
    expect(await server?.exited).toBe('SIGKILL')
    expect((await states()).toSorted()).toEqual(['running', 'waiting'])
    await start()
    // The first one is stalled for as long as its lock lasts. The other one may wait for its grace,
    // if the end of its response was not seen.
    await eventually(async () => (await states()).join() === 'done,done', 60_000)
  })

  /** Of all uploads. */
  async function states(): Promise<string[]> {
    const uploads = join(folder, 'background-tasks-uploads')
    const ids = await readdir(uploads)
    const texts = await Promise.all(
      ids.map((id) => readFile(join(uploads, id, 'progress.json'), 'utf8')),
    )
    return texts.map((text) => JSON.parse(text).state)
  }
})

async function upload(origin: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(`${origin}/uploads`, { method: 'POST', body })
  expect(response.status).toBe(202)
  await response.text()
}
