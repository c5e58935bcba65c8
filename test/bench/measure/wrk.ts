import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { install } from '../../services/install.ts'
import { cores, pinned } from './processes.ts'

export interface Load {
  readonly requests: number
  /** Requests per second. */
  readonly rate: number
  /** Milliseconds within which 99 of 100 were answered. */
  readonly p99: number
  /** Connections that the server has cut off. One that is stopped does so at times, for its own timeout. */
  readonly cut: number
}

const connections = 16
const script = fileURLToPath(new URL('wrk.lua', import.meta.url))

/** Keeps every connection busy with one request at a time, from a process and a core of its own. */
export async function load(port: number, seconds: number): Promise<Load> {
  const wrk = await install({ package: 'wrk', path: '/usr/bin/wrk' })
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    // A server may be stopped for most of that: see turns.ts.
    `--timeout`,
    `${seconds + 1}s`,
    '-s',
    script,
    `http://127.0.0.1:${port}/`,
  ]
  const [program = '', ...rest] = pinned(cores.load, [wrk, ...args])
  const { stdout } = await promisify(execFile)(program, rest)
  const { requests, duration, p99, failed, cut } = JSON.parse(
    /^measured (.*)/m.exec(stdout)?.[1] ?? '',
  )
  if (failed > 0) throw new Error(`${failed} requests have failed:\n${stdout}`)
  return { requests, rate: (requests * 1e6) / duration, p99: p99 / 1000, cut }
}
