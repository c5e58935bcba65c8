import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
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

const file = fileURLToPath(new URL('../docs/examples/demo/main.ts', import.meta.url))
const isServing = /^Stop with Ctrl-C\.$/m
const origin = /^Listening on (\S+),/m
const log = /, writing to (\S+)$/m

const known = 'pass only --port=<number>, --once and --help'

let folder: string
let demo: Demo | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-test-'))
})

afterEach(async () => {
  demo?.child.kill('SIGKILL')
  await demo?.exited
  await rm(folder, { recursive: true })
})

/** Starts the demo as its reader does; its folder is made inside of the test's. */
function start(args: readonly string[] = ['--port=0'], port?: string): Demo {
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

interface TimelineEvent {
  readonly id: string
  readonly type: string
  readonly at: number
  readonly state?: string
  readonly name?: string
  readonly code?: string
  readonly [detail: string]: unknown
}

/** Asks the demo, and returns what it tells the page of that, up to the end of the last task. */
async function timelineOf(
  url: string,
  init: RequestInit = { method: 'POST' },
  read = readAll,
): Promise<TimelineEvent[]> {
  const id = crypto.randomUUID()
  const page = new AbortController()
  const events = await fetch(new URL('/events', url), { signal: page.signal })
  await read(await fetch(url, { ...init, headers: { 'x-request-id': id } }))
  const own: TimelineEvent[] = []
  for await (const event of readEvents(events)) {
    if (event.id !== id) continue
    own.push(event)
    if (isOver(own)) break
  }
  page.abort()
  return own
}

async function* readEvents(response: Response): AsyncGenerator<TimelineEvent> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const parts = (text + chunk).split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) yield JSON.parse(part.slice('data: '.length))
  }
}

/** Whether the response is, and each task that was waiting has ended. */
function isOver(events: readonly TimelineEvent[]): boolean {
  const states = events.filter(({ type }) => type === 'task').map(({ state }) => state ?? '')
  const waiting = states.filter((state) => state === 'waiting').length
  const ended = states.filter((state) => /fulfilled|rejected|skipped/.test(state)).length
  return events.some(({ type }) => type === 'client') && waiting > 0 && waiting === ended
}

async function readAll(response: Response): Promise<void> {
  await response.text()
}

/** In short: `writeNotification running`. */
function summarize(events: readonly TimelineEvent[]): string[] {
  return events
    .filter(({ type }) => type !== 'outcome')
    .map(({ type, name, state, status, error }) =>
      [name ?? type, state ?? status ?? error ?? ''].join(' ').trim(),
    )
}

function outcomesOf(events: readonly TimelineEvent[]): unknown[] {
  return events.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome]))
}

/** How each task has ended, in the order added. */
function endsOf(events: readonly TimelineEvent[]): string[] {
  const ends = new Map<unknown, string>()
  for (const { task, name, state } of events) if (name) ends.set(task, `${name} ${state}`)
  return [...ends.values()]
}

function linesOf(count: number): string {
  return Array.from({ length: count }, () => 'line').join('\n')
}

describe('docs/examples/demo/main.ts --once', { timeout: 60_000 }, () => {
  it('shows the last byte at the client before the start of the task, and ends', async () => {
    const { stdout, stderr, exited } = start(['--once', '--port=0'])
    expect(await exited).toBe(0)
    expect(stderr()).toBe('')

    const timeline = [...stdout().matchAll(/^ *(\d+\.\d) ms {2}(.*)$/gm)]
    const address = origin.exec(stdout())?.[1] ?? ''
    expect(timeline.map(([, , event]) => event)).toEqual([
      `request sent: POST ${address}/send-notification/foo@example.com`,
      'response complete: 200 {"message":"Notification sent in the background"}',
      'task started: writeNotification',
      'task finished: writeNotification',
      'task started: postToChat',
      'task finished: postToChat',
      'task started: updateStatistics',
      'task finished: updateStatistics',
      'log.txt: notification for foo@example.com: some notification',
    ])
    const times = timeline.map(([, time]) => Number(time))
    expect(times).toEqual(times.toSorted((a, b) => a - b))

    expect(dirname(dirname(log.exec(stdout())?.[1] ?? ''))).toBe(folder)
    expect(await readdir(folder)).toEqual([])
  })
})

describe('docs/examples/demo/main.ts', { timeout: 60_000 }, () => {
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
    for (const path of ['', 'send', 'report', 'constructor', '__proto__/x']) {
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
    expect(stdout()).toContain('Stopped: 3 finished meanwhile, 0 given up on, log.txt:\n')
    expect(stdout()).toMatch(/^processed notes\.txt: 200 lines$/m)
  })

  it('says with --help what it does, and starts nothing', async () => {
    const { stdout, stderr, exited } = start(['--help'])
    expect(await exited).toBe(0)
    expect(stdout()).toMatch(/^Usage: npm run demo -- \[--port=<number>\] \[--once\] \[--help\]$/m)
    expect(stderr()).toBe('')
    expect(await readdir(folder)).toEqual([])
  })

  it('listens on another port than 3000 if nobody has asked for that and it is taken', async () => {
    const other = createServer().listen(3000, '127.0.0.1')
    // Perhaps it is taken already.
    await once(other, 'listening').catch(() => {})
    const { until } = start([])
    expect(await until(origin)).not.toBe('http://127.0.0.1:3000')
    other.close()
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
    [['-h'], `there is no option -h, ${known}`],
    [['--help=me'], `there is no option --help=me, ${known}`],
    [['--once=no'], `there is no option --once=no, ${known}`],
    [['--no-once'], `there is no option --no-once, ${known}`],
    [['--once', '3000'], `it is given 3000, ${known}`],
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

describe('what the demo tells its page', { timeout: 60_000 }, () => {
  it('is each step of a request, in order', async () => {
    const address = await start().until(origin)
    const events = await timelineOf(`${address}/send-notification/ada@example.com`)
    expect(summarize(events)).toEqual([
      'request',
      'writeNotification waiting',
      'postToChat waiting',
      'updateStatistics waiting',
      'returned 200',
      'client complete',
      'body closed',
      'writeNotification running',
      'writeNotification fulfilled',
      'postToChat running',
      'postToChat fulfilled',
      'updateStatistics running',
      'updateStatistics fulfilled',
    ])
    expect(outcomesOf(events)).toEqual(['closed'])
    expect(events[0]).toMatchObject({
      method: 'POST',
      path: '/send-notification/ada@example.com',
      client: 'node',
    })
    const times = events.map(({ at }) => at)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })

  it('is the code that runs, as it stands in its file, and the options that it runs with', async () => {
    const address = await start().until(origin)
    const source = await readFile('docs/examples/demo/handlers.ts', 'utf8')
    const codeOf = async (query: string): Promise<string> => {
      const url = `${address}/send-notification/ada@example.com${query}`
      const [request] = await timelineOf(url)
      return request?.code ?? ''
    }
    const [handler, wrapper = ''] = (await codeOf('')).split('\n\n')
    expect(handler).toMatch(/^export async function sendNotification/)
    expect(source).toContain(handler)
    expect(wrapper).toBe('export const handler = withBackgroundTasks(sendNotification)\n')
    expect(await codeOf('?order=concurrent')).toContain(
      'withBackgroundTasks(sendNotification, { concurrency: Infinity })\n',
    )
    expect(await codeOf('?order=limit&failure=continue')).toBe(
      `${handler}

const limit = limitTo(2) // of all requests
export const handler = withBackgroundTasks(sendNotification, {
  concurrency: Infinity,
  limit,
  failure: 'continue',
})
`,
    )
  })

  it('is that the body of a HEAD is not asked for', async () => {
    const address = await start().until(origin)
    const events = await timelineOf(`${address}/report`, { method: 'HEAD' })
    expect(events).toContainEqual(expect.objectContaining({ type: 'returned', hasBody: false }))
    expect(outcomesOf(events)).toEqual(['closed'])
    expect(endsOf(events)).toEqual([
      'releaseSnapshot fulfilled',
      'countDownload fulfilled',
      'keepForResume skipped',
    ])
  })

  it('is that the client has left, and which task is for that', async () => {
    const address = await start().until(origin)
    const events = await timelineOf(`${address}/report`, { method: 'GET' }, async (response) => {
      for await (const _ of response.body ?? []) break
    })
    expect(summarize(events)).toContain('client left')
    expect(summarize(events)).toContain('body cancelled')
    expect(outcomesOf(events)).toEqual(['cancelled'])
    expect(endsOf(events)).toEqual([
      'releaseSnapshot fulfilled',
      'countDownload fulfilled',
      'keepForResume fulfilled',
    ])
  })

  it('is that the handler has thrown, and which task is for that', async () => {
    const address = await start().until(origin)
    const events = await timelineOf(`${address}/orders`)
    expect(summarize(events)).toContain('thrown Card declined')
    expect(outcomesOf(events)).toEqual(['thrown'])
    expect(endsOf(events)).toEqual(['sendReceipt skipped', 'writeAudit fulfilled'])
  })

  it.each([
    ['fail', 'skipped'],
    ['fail&failure=continue', 'fulfilled'],
  ])('is what becomes of the others with ?%s', async (query, last) => {
    const address = await start().until(origin)
    const events = await timelineOf(`${address}/files/notes.txt?${query}`, {
      method: 'POST',
      body: linesOf(3),
    })
    expect(endsOf(events)).toEqual([
      'scanForViruses fulfilled',
      'makePreview rejected',
      `processFile ${last}`,
    ])
    expect(events).toContainEqual(
      expect.objectContaining({ error: 'there is no preview of this kind of file' }),
    )
  })

  it.each([
    ['', 1],
    ['?order=concurrent', 6],
    ['?order=limit', 2],
  ])('is how many tasks run at a time with "%s"', async (query, most) => {
    const address = await start().until(origin)
    const url = `${address}/send-notification/ada@example.com${query}`
    // One after the other, each list has one at a time.
    const requests = query === '' ? [url] : [url, url]
    const timelines = await Promise.all(requests.map((request) => timelineOf(request)))
    const events = timelines.flat().toSorted((one, other) => one.at - other.at)
    let running = 0
    const counts = events.map(({ state }) => {
      if (state === 'running') running += 1
      if (state === 'fulfilled') running -= 1
      return running
    })
    expect(Math.max(...counts)).toBe(most)
  })

  it('is told again to a page that comes later', async () => {
    const { until } = start()
    const address = await until(origin)
    await until(isServing)
    const first: TimelineEvent[] = []
    for await (const event of readEvents(await fetch(`${address}/events`))) {
      if (event.type !== 'hello') first.push(event)
      if (isOver(first)) break
    }
    expect(first[0]).toMatchObject({ client: 'npm run demo', method: 'POST' })
  })

  it('keeps twenty requests', async () => {
    const { until } = start()
    const address = await until(origin)
    await until(isServing)
    const url = `${address}/send-and-log/ada@example.com`
    for (let count = 0; count < 25; count += 1) await timelineOf(url)
    const ids = new Set<string>()
    const last = await timelineOf(url)
    for await (const event of readEvents(await fetch(`${address}/events`))) {
      if (event.type !== 'hello') ids.add(event.id)
      if (event.id === last[0]?.id) break
    }
    expect(ids.size).toBe(20)
  })
})
