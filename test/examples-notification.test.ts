import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from './support/server-process.ts'

interface Demo {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves with what `pattern` captures in the output, as soon as it does; rejects at the exit. */
  readonly until: (pattern: RegExp) => Promise<string>
  /** The exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals | null>
}

const file = fileURLToPath(new URL('../docs/examples/notification.ts', import.meta.url))
const isServing = /^Try the others/m
const origin = /^Listening on (\S+),/m
const log = /, writing to (\S+)$/m

let folder: string
let demo: Demo | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notification-test-'))
})

afterEach(async () => {
  demo?.child.kill('SIGKILL')
  await demo?.exited
  await rm(folder, { recursive: true })
})

/** Starts the demo as its reader does; its folder is made inside of the test's. */
function start(args: readonly string[] = [], port?: string): Demo {
  const env = { ...process.env, TMPDIR: folder, PORT: port }
  const child = spawn(process.execPath, [file, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal)
  return (demo = {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    until: async (pattern) => {
      for (;;) {
        const match = pattern.exec(stdout)
        if (match !== null) return match[1] ?? match[0]
        const code = await Promise.race([once(child.stdout, 'data'), exited])
        if (!Array.isArray(code)) throw new Error(`It has ended with ${code}:\n${stdout}${stderr}`)
      }
    },
    exited,
  })
}

async function post(url: string, body?: string): Promise<[status: number, answer: unknown]> {
  const response = await fetch(url, { method: 'POST', ...(body === undefined ? {} : { body }) })
  return [response.status, await response.json()]
}

/** The first that nobody on this machine listens on. */
async function freePortOf(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').catch(() => false)
    server.close()
    if (isFree) return port
  }
  throw new Error(`None of the ports ${ports.join(', ')} is free`)
}

function linesOf(count: number): string {
  return Array.from({ length: count }, () => 'line').join('\n')
}

describe('docs/examples/notification.ts --once', { timeout: 60_000 }, () => {
  it('shows the last byte at the client before the start of the task, and ends', async () => {
    const { stdout, stderr, exited } = start(['--once'])
    expect(await exited).toBe(0)
    expect(stderr()).toBe('')

    const timeline = [...stdout().matchAll(/^ *(\d+\.\d) ms {2}(.*)$/gm)]
    const address = origin.exec(stdout())?.[1] ?? ''
    expect(timeline.map(([, , event]) => event)).toEqual([
      `request sent: POST ${address}/send-notification/foo@example.com`,
      'response complete: 200 {"message":"Notification sent in the background"}',
      'task started: writeNotification',
      'task finished: writeNotification',
      'log.txt: notification for foo@example.com: some notification',
    ])
    const times = timeline.map(([, time]) => Number(time))
    expect(times).toEqual(times.toSorted((a, b) => a - b))

    expect(dirname(dirname(log.exec(stdout())?.[1] ?? ''))).toBe(folder)
    expect(await readdir(folder)).toEqual([])
  })
})

describe('docs/examples/notification.ts', { timeout: 60_000 }, () => {
  it('answers at once, and writes to its log after that', async () => {
    const { until, child, exited } = start()
    const address = await until(origin)
    const path = await until(log)
    await until(isServing)
    expect(existsSync(path)).toBe(true)

    expect(await post(`${address}/send-notification/ada@example.com`)).toEqual([
      200,
      { message: 'Notification sent in the background' },
    ])
    expect(await post(`${address}/send-and-log/grace@example.com?q=some-query`)).toEqual([
      200,
      { message: 'Message sent' },
    ])
    expect(await post(`${address}/send-and-log/alan%40example.com`)).toEqual([
      200,
      { message: 'Message sent' },
    ])
    expect(await post(`${address}/files/notes.txt`, linesOf(3))).toEqual([
      202,
      { message: 'File accepted' },
    ])

    child.kill('SIGINT')
    expect(await exited).toBe(0)
    const [, written = ''] = (await until(/^Stopped: [^]*$/m)).split(/, log\.txt:\n/)
    expect(written.trimEnd().split('\n').toSorted()).toEqual([
      'found query: some-query',
      'message to alan@example.com',
      'message to grace@example.com',
      'notification for ada@example.com: some notification',
      'notification for foo@example.com: some notification',
      'processed notes.txt: 3 lines',
    ])
    expect(written.indexOf('found query')).toBeLessThan(written.indexOf('message to grace'))
    expect(await readdir(folder)).toEqual([])
  })

  it('answers 404 to everything else', async () => {
    const { until } = start()
    const address = await until(origin)
    expect((await fetch(`${address}/send-notification/ada@example.com`)).status).toBe(404)
    for (const path of ['', 'send', 'constructor', '__proto__/x']) {
      expect((await fetch(`${address}/${path}`, { method: 'POST' })).status).toBe(404)
    }
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('finishes the task at hand on %s', async (signal) => {
    const { until, child, exited, stdout } = start()
    const address = await until(origin)
    await until(isServing)
    await post(`${address}/files/notes.txt`, linesOf(200))
    // Twice, as npm does: from the terminal and from npm itself.
    child.kill(signal)
    child.kill(signal)
    expect(await exited).toBe(0)
    expect(stdout()).toContain('Stopped: 1 finished meanwhile, 0 given up on, log.txt:\n')
    expect(stdout()).toMatch(/^processed notes\.txt: 200 lines$/m)
  })

  it('listens on the port that it is given', async () => {
    const port = await freePort()
    const { until } = start([`--port=${port}`], 'not a port')
    expect(await until(origin)).toBe(`http://127.0.0.1:${port}`)
  })

  it('listens on the port of its environment', async () => {
    const port = await freePort()
    const { until } = start([], String(port))
    expect(await until(origin)).toBe(`http://127.0.0.1:${port}`)
  })

  it.each([
    [['--port=x'], "the port is 'x', pass a number from 0 to 65535"],
    [['--port=65536'], "the port is '65536', pass a number from 0 to 65535"],
    [['--port'], "the port is '', pass a number from 0 to 65535"],
    [['--help'], 'there is no option --help, pass only --port=<number> and --once'],
    [['--once=no'], 'there is no option --once=no, pass only --port=<number> and --once'],
    [['--no-once'], 'there is no option --no-once, pass only --port=<number> and --once'],
    [['--once', '3000'], 'it is given 3000, pass only --port=<number> and --once'],
  ])('refuses %j in one sentence', async (args, problem) => {
    const { stdout, stderr, exited } = start(args)
    expect(await exited).toBe(1)
    expect(stderr()).toBe(`Cannot start the demo: ${problem}\n`)
    expect(stdout()).toBe('')
    expect(await readdir(folder)).toEqual([])
  })

  it.each([['--once'], []])(
    'refuses a port that fetch blocks in one sentence, %s',
    async (...args) => {
      const port = await freePortOf([6000, 6566, 6697, 10_080])
      const { stdout, stderr, exited } = start([`--port=${port}`, ...args])
      expect(await exited).toBe(1)
      expect(stderr()).toBe(
        `Cannot start the demo: fetch cannot reach port ${port} (bad port), pass another\n`,
      )
      expect(stdout()).not.toContain('response complete')
      expect(await readdir(folder)).toEqual([])
    },
  )

  it('refuses port 1 in one sentence, as root too', async () => {
    const { stderr, exited } = start(['--port=1', '--once'])
    expect(await exited).toBe(1)
    expect(stderr()).toMatch(
      /^Cannot start the demo: (fetch cannot reach port 1 \(bad port\)|port 1 is refused \(EACCES\)|port 1 is taken), pass another\n$/,
    )
    expect(await readdir(folder)).toEqual([])
  })

  it('refuses a port that is taken in one sentence', async () => {
    const port = await freePort()
    const other = createServer().listen(port, '127.0.0.1')
    await once(other, 'listening')
    const { stdout, stderr, exited } = start([`--port=${port}`])
    expect(await exited).toBe(1)
    other.close()
    expect(stderr()).toBe(`Cannot start the demo: port ${port} is taken, pass another\n`)
    expect(stdout()).toBe('')
    expect(await readdir(folder)).toEqual([])
  })
})
