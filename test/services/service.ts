import { type ChildProcess, spawn } from 'node:child_process'

/** A database server of the tests' own: on a free port, with its data in a temporary folder. */
export interface Service {
  readonly port: number
  /** Ends it as a crash would, keeps its data. */
  readonly crash: () => Promise<void>
  /** Starts it again on the same port and data. */
  readonly start: () => Promise<void>
  /** Stops the process where it is: connections stay open, nothing answers. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** Ends it and removes its data. */
  readonly stop: () => Promise<void>
}

export interface ServiceProcess {
  readonly child: ChildProcess
  readonly exited: Promise<void>
}

interface SpawnOptions {
  /** Asked until it is. */
  readonly isReady: () => Promise<boolean>
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/** Starts a server and waits until it can be used. */
export async function spawnService(
  command: readonly string[],
  options: SpawnOptions,
): Promise<ServiceProcess> {
  const { isReady, uid, gid } = options
  const [file] = command
  // An interrupted test run leaves no server behind: this one ends with its parent, however that
  // ends. SIGINT is what both servers take for an order.
  const child = spawn('setpriv', ['--pdeathsig', 'INT', ...command], {
    uid,
    gid,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
  }
  let running = true
  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      running = false
      resolve()
    }
    child.once('error', end).once('close', end)
  })
  const deadline = Date.now() + 30_000
  while (!(await isReady())) {
    if (!running) throw new Error(`${file} ended before it was ready:\n${printed}`)
    if (Date.now() > deadline) throw new Error(`${file} was not ready within 30 s:\n${printed}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { child, exited }
}
