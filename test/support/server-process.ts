import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

export interface ServerProcess {
  readonly port: number
  readonly child: ChildProcess
  /** Everything the process has printed, standard error included. */
  readonly output: () => string
  /** Resolves with the events printed so far as soon as `test` holds of them. */
  readonly until: (test: (events: ServerEvent[]) => boolean) => Promise<ServerEvent[]>
  /** The exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals | null>
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
}

/** What a server under test reports, one JSON object a line: `@event {"type":"task-start", ...}`. */
export interface ServerEvent {
  readonly type: string
  readonly id?: string
  readonly [detail: string]: unknown
}

interface StartOptions {
  readonly cwd?: string
  /** Added to the environment of the tests; `undefined` takes a variable away. */
  readonly env?: Record<string, string | undefined>
  /** Milliseconds until a server that does not answer counts as broken. */
  readonly startTimeout?: number
  /** Rejects until the server listens; a `HEAD` over HTTP/1.1 by default. */
  readonly isReady?: (port: number) => Promise<unknown>
  /** Where in the arguments and the environment the port goes is up to the caller. */
  readonly port?: number
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Starts a server in its own process group and waits until its port accepts a connection. */
export async function startServer(
  command: readonly string[],
  options: StartOptions = {},
): Promise<ServerProcess> {
  const { cwd, env, startTimeout = 120_000, port = await freePort(), isReady = head } = options
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const events: ServerEvent[] = []
  const watchers = new Set<() => void>()
  let partial = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) {
      const at = line.indexOf('@event ')
      if (at !== -1) events.push(JSON.parse(line.slice(at + 7)))
    }
    for (const watcher of watchers) watcher()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  const kill = (): void => killGroup(child, 'SIGKILL')
  process.once('exit', kill)
  void exited.then(() => process.off('exit', kill))

  const ended = exited.then((code) => {
    throw new Error(`The server ended with ${code} before it listened:\n${printed}`)
  })
  await Promise.race([ended, waitForPort(port, startTimeout, isReady, () => printed)])
  ended.catch(() => {})

  return {
    port,
    child,
    exited,
    output: () => printed,
    until: (test) => {
      const { promise, resolve, reject } = Promise.withResolvers<ServerEvent[]>()
      const check = (): void => {
        if (test(events)) resolve([...events])
      }
      const timer = setTimeout(
        () =>
          reject(
            new Error(`Not seen within 20 s, only ${JSON.stringify(events)} and:\n${printed}`),
          ),
        20_000,
      )
      watchers.add(check)
      check()
      return promise.finally(() => {
        watchers.delete(check)
        clearTimeout(timer)
      })
    },
    stop: async (signal = 'SIGKILL') => {
      killGroup(child, signal)
      await exited
    },
  }
}

// Any answer means that the server listens; a HEAD of an unknown path starts no task.
function head(port: number): Promise<unknown> {
  return fetch(`http://127.0.0.1:${port}/__ready`, { method: 'HEAD' })
}

async function waitForPort(
  port: number,
  timeout: number,
  isReady: (port: number) => Promise<unknown>,
  printed: () => string,
): Promise<void> {
  const deadline = Date.now() + timeout
  while (Date.now() < deadline) {
    try {
      await isReady(port)
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  throw new Error(`Nothing listened on port ${port} within ${timeout} ms:\n${printed()}`)
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // The group is gone already.
  }
}
