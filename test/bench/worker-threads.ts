// What a CPU-bound task of two seconds does to its server: `node test/bench/worker-threads.ts`.
// The server answers a small JSON, one request after another, in four ways that take turns: idle,
// beside another process that computes as long (what the machine itself takes away), with the task on
// another thread, and with the task in process. The best turn of each is printed, because what else the
// machine does only takes away. One connection keeps client and server together at one core, so that a
// machine of two has one for the thread.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createHistogram } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { compute } from './worker-threads-task.ts'

const turns = Number(process.env['TURNS'] ?? 7)
const ways = ['idle', 'other process', 'thread', 'in-process'] as const

interface Turn {
  /** Requests per second. */
  readonly rate: number
  /** Milliseconds within which 99 of 100 were answered. */
  readonly p99: number
}

const file = fileURLToPath(new URL('worker-threads-server.ts', import.meta.url))
const server = await startServer([process.execPath, file])
try {
  const results = new Map<string, Turn[]>(ways.map((way) => [way, []]))
  // Neither the first requests nor the start of the thread count.
  await measure(server, 'thread')
  for (let turn = 0; turn < turns; turn += 1) {
    for (const way of ways) results.get(way)?.push(await measure(server, way))
  }
  const idle = best(results.get('idle') ?? [])
  for (const way of ways) {
    const { rate, p99 } = best(results.get(way) ?? [])
    const ratios = `${(rate / idle.rate).toFixed(2)} and ${(idle.p99 / p99).toFixed(2)} of idle`
    console.log(`${way}: ${Math.round(rate)} requests/s, p99 ${p99.toFixed(2)} ms; ${ratios}`)
  }
} finally {
  await server.stop()
}

/** Sends requests one after another for as long as the task takes. */
async function measure({ port }: ServerProcess, way: string): Promise<Turn> {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  const ask = async (path: string): Promise<void> => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
    // The answer is small: it comes in one piece.
    await once(socket, 'data')
  }
  if (way === 'other process') spawn(process.execPath, ['--eval', `(${compute})(2000)`])
  else await ask(`/${way}`)
  const latencies: number[] = []
  const start = performance.now()
  let now = start
  while (now < start + 2000) {
    await ask('/')
    const answered = performance.now()
    latencies.push(answered - now)
    now = answered
  }
  await ask('/finished')
  socket.destroy()
  return { rate: (latencies.length / (now - start)) * 1000, p99: percentile(latencies, 99) }
}

function best(results: readonly Turn[]): Turn {
  return {
    rate: Math.max(...results.map(({ rate }) => rate)),
    p99: Math.min(...results.map(({ p99 }) => p99)),
  }
}

function percentile(values: readonly number[], percent: number): number {
  const histogram = createHistogram()
  for (const value of values) histogram.record(Math.ceil(value * 1000))
  return histogram.percentile(percent) / 1000
}
