// Long bodies over HTTP: what a wrapped stream costs against a bare one, in time and in memory.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { install } from '../../services/install.ts'
import { interleave } from '../measure/interleave.ts'
import {
  cores,
  peakMemory,
  pinned,
  resetPeakMemory,
  usedMicroseconds,
} from '../measure/processes.ts'
import { type Summary, ratio, summarize } from '../measure/statistics.ts'
import type { Payload, Setup } from './handlers.ts'
import { type HostName, type Server, start } from './start.ts'

export interface StreamsRow {
  readonly host: HostName
  readonly way: string
  readonly payload: Payload
  /** MiB a second. */
  readonly speed: number
  /** The speed as a part of that of the bare handler. */
  readonly ofBare: Summary
  /** Milliseconds of CPU for the whole body. */
  readonly cpu: number
  /** MiB that the server's process has held at most. */
  readonly peak: number
}

interface Measured {
  readonly speed: number
  readonly cpu: number
  readonly peak: number
}

export const streamHosts: readonly HostName[] = ['whatwg-node', 'bun', 'deno', 'workerd']
const ways = ['bare', 'sync task', 'wrap', 'pipeTo', 'pipeThrough']
const bytes = { 'long chunks': 2 ** 30, 'short chunks': 100_000 * 1024 }

export async function measureStreams(host: HostName, rounds: number): Promise<StreamsRow[]> {
  return [
    ...(await measurePayload(host, 'long chunks', rounds)),
    ...(await measurePayload(host, 'short chunks', rounds)),
  ]
}

async function measurePayload(
  host: HostName,
  payload: keyof typeof bytes,
  rounds: number,
): Promise<StreamsRow[]> {
  const servers = new Map<string, Server>()
  try {
    for (const way of ways) {
      const setup: Setup = { way, isAsync: false, payload }
      servers.set(way, await start(host, setup))
    }
    const results = await interleave([...servers], rounds, async ([way, server]) => {
      resetPeakMemory(server.child)
      const before = usedMicroseconds(server.child)
      const { seconds, received } = await download(server.port)
      if (received !== bytes[payload]) throw new Error(`${host}, ${way}: ${received} bytes`)
      const cpu = (usedMicroseconds(server.child) - before) / 1000
      return { speed: received / 2 ** 20 / seconds, cpu, peak: peakMemory(server.child) }
    })
    const bare = [...results.values()][0] ?? []
    return [...results].map(([[way], measured]) => rowOf(host, way, payload, measured, bare))
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

function rowOf(
  host: HostName,
  way: string,
  payload: Payload,
  own: readonly Measured[],
  bare: readonly Measured[],
): StreamsRow {
  const speeds = own.map(({ speed }) => speed)
  return {
    host,
    way,
    payload,
    speed: summarize(speeds).median,
    ofBare: ratio(
      speeds,
      bare.map(({ speed }) => speed),
    ),
    cpu: summarize(own.map(({ cpu }) => cpu)).median,
    peak: summarize(own.map(({ peak }) => peak)).median,
  }
}

async function download(port: number): Promise<{ seconds: number; received: number }> {
  const curl = await install({ package: 'curl', path: '/usr/bin/curl' })
  const form = '%{time_total} %{size_download}'
  const args = ['--silent', '--fail', '--output', '/dev/null', '--write-out', form]
  const [program = '', ...rest] = pinned(cores.load, [curl, ...args, `http://127.0.0.1:${port}/`])
  const { stdout } = await promisify(execFile)(program, rest)
  const [seconds = NaN, received = NaN] = stdout.split(' ').map(Number)
  return { seconds, received }
}
