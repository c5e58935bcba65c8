import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort, type ServerProcess, startServer } from '../support/server-process.ts'
import { Uploader } from '../support/uploader.ts'
import { install, redisServer } from './install.ts'
import { eventually } from './programs.ts'

describe('docs/examples/upload/bullmq.ts', () => {
  let folder: string
  let port: number
  let server: ServerProcess | undefined
  let uploader: Uploader
  beforeEach(async () => {
    await install(redisServer)
    folder = await mkdtemp(join(tmpdir(), 'upload-test-'))
    port = await freePort()
    uploader = new Uploader(`http://127.0.0.1:${port}`)
    await start()
  })
  afterEach(async () => {
    await server?.stop()
    await rm(folder, { recursive: true })
  })

  /** Starts it as its reader does: without a Redis of theirs it brings its own. */
  async function start(): Promise<void> {
    const file = new URL('../../docs/examples/upload/bullmq.ts', import.meta.url)
    const env = { TMPDIR: folder, REDIS_URL: undefined }
    server = await startServer([process.execPath, fileURLToPath(file)], { env, port })
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    server?.child.kill(signal)
    expect(await server?.exited).toBe(signal === 'SIGKILL' ? signal : 0)
  }

  async function statesOf(locations: readonly string[]): Promise<string[]> {
    const all = await Promise.all(locations.map((location) => uploader.status(location)))
    return all.map(({ state }) => state)
  }

  it('processes an upload in the other process, and tells of it at the address of its 202', async () => {
    const file = new Uint8Array(await readFile('package-lock.json'))
    const location = await uploader.upload(file)
    const events = await uploader.events(location)
    expect(events.at(-1)).toMatchObject({ state: 'done', done: 1, size: file.length })
    const status = await uploader.status(location)
    expect(status).toEqual({ ...events.at(-1), result: `${location}/result` })
    expect(gunzipSync(await uploader.result(location)).equals(file)).toBe(true)
  })

  it('tells how far the worker is', async () => {
    const location = await uploader.upload(randomBytes(60_000_000))
    const states = (await uploader.events(location)).map(({ state, done }) => ({ state, done }))
    expect(states).toContainEqual({ state: 'running', done: expect.any(Number) })
    const shares = states.map(({ done }) => done)
    expect(shares.filter((share) => share > 0 && share < 1)).not.toEqual([])
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
  })

  it('tells a stranger who knows the address nothing', async () => {
    const location = await uploader.upload(new Uint8Array(1000))
    await uploader.events(location)
    const stranger = new Uploader(uploader.origin)
    await stranger.upload(new Uint8Array(1))
    for (const path of [location, `${location}/events`, `${location}/result`]) {
      expect((await stranger.fetch(path)).status).toBe(404)
    }
    expect((await uploader.fetch(`/jobs/${crypto.randomUUID()}`)).status).toBe(404)
  })

  it('ends in order, and goes on with what it has accepted at its next start', async () => {
    const locations: string[] = []
    for (const size of [30_000_000, 20_000_000, 10_000_000]) {
      locations.push(await uploader.upload(randomBytes(size)))
    }
    await stop('SIGTERM')
    expect(server?.output()).toMatch(
      /^\d of the uploads are left in the queue, for the next start$/m,
    )
    await start()
    await eventually(async () => (await statesOf(locations)).join() === 'done,done,done')
  })

  it('leaves nothing behind when there is nothing left to do', async () => {
    await uploader.events(await uploader.upload(new Uint8Array(1000)))
    await stop('SIGTERM')
    expect(await readdir(folder)).toEqual([])
  })

  it('goes on with what it has accepted when it is started again after a kill -9', async () => {
    // Random bytes: there is a moment in which these are being compressed.
    const running = await uploader.upload(randomBytes(60_000_000))
    await eventually(async () => (await statesOf([running])).join() === 'running')
    const waiting = await uploader.upload(new Uint8Array(1_000_000))
    expect(await statesOf([running, waiting])).toEqual(['running', 'waiting'])
    await stop('SIGKILL')
    await start()
    // The first one is stalled for as long as its lock lasts. The other one may wait for its grace,
    // if the end of its response was not seen.
    const locations = [running, waiting]
    await eventually(async () => (await statesOf(locations)).join() === 'done,done', 60_000)
  })
})
