// What a CPU-bound task of two seconds does to its server: `npx node test/bench/worker-threads.ts`.
// The server answers a small JSON for as long as the task takes, in four ways: idle, beside another
// process that computes as long (what the machine itself takes away), with the task on another thread,
// and with the task in process. The ways take turns, in an order that is reversed every time; the
// medians over the turns are printed, of the ratios those to the idle server of the same turn, and the
// largest latency of all turns. Ends with 1 if the server beside the thread has less than 0.9 of the
// requests per second of an idle one, or if its p99 is more than 1/0.9 of an idle one's.
// One connection that sends one request at a time: client and server never work at once, so that
// together they keep one core busy, and a machine of two has the other one for the thread. What is
// measured while others use the machine too is measured again, as long as there is patience for it.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { cpus } from 'node:os'
import { createHistogram } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { compute } from './worker-threads-task.ts'

const turns = Number(process.env['TURNS'] ?? 9)
const milliseconds = 2000
const wanted = 0.9
/** How often a measurement may be repeated, in all, and how many cores others may use in one. */
let patience = Number(process.env['PATIENCE'] ?? 100)
const tolerated = 0.1
const ways = ['idle', 'other process', 'thread', 'in-process'] as const

interface Turn {
  /** Requests per second. */
  readonly rate: number
  /** Milliseconds within which 99 of 100 were answered. */
  readonly p99: number
  /** Milliseconds of the request that took longest. */
  readonly longest: number
  /** How many cores others have used meanwhile. */
  readonly disturbance: number
}

const file = fileURLToPath(new URL('worker-threads-server.ts', import.meta.url))
const server = await startServer([process.execPath, file])
try {
  const results = new Map<string, Turn[]>(ways.map((way) => [way, []]))
  // Neither the compilation of what answers nor the start of the thread counts.
  for (const way of ['idle', 'thread', 'idle', 'thread']) await measure(server, way)
  for (let turn = 0; turn < turns; turn += 1) {
    for (const way of turn % 2 === 0 ? ways : ways.toReversed()) {
      let measured = await measure(server, way)
      while (measured.disturbance > tolerated && patience > 0) {
        patience -= 1
        measured = await measure(server, way)
      }
      results.get(way)?.push(measured)
    }
  }
  const disturbed = [...results.values()]
    .flat()
    .filter(({ disturbance }) => disturbance > tolerated).length
  if (disturbed > 0) console.log(`Others were at work in ${disturbed} measurements`)
  const idle = results.get('idle') ?? []
  for (const [way, taken] of results) {
    const rate = median(taken.map((turn) => turn.rate))
    const p99 = median(taken.map((turn) => turn.p99))
    const longest = Math.max(...taken.map((turn) => turn.longest))
    const rateRatio = median(taken.map((turn, index) => turn.rate / (idle[index]?.rate ?? NaN)))
    const p99Ratio = median(taken.map((turn, index) => turn.p99 / (idle[index]?.p99 ?? NaN)))
    console.log(
      `${way}: ${Math.round(rate)} requests/s, p99 ${p99.toFixed(3)} ms, longest ${longest.toFixed(1)} ms; ` +
        `of idle: requests/s ${rateRatio.toFixed(2)}, p99 ${p99Ratio.toFixed(2)}`,
    )
    const isWithin = rateRatio >= wanted && p99Ratio <= 1 / wanted
    if (way === 'thread' && !isWithin) process.exitCode = 1
  }
} finally {
  await server.stop()
}

/** Sends requests one after another for as long as the task takes. */
async function measure({ port }: ServerProcess, way: string): Promise<Turn> {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  const ask = async (path: string): Promise<string> => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
    // The answer is small: it comes in one piece.
    const [answer] = await once(socket, 'data')
    return String(answer)
  }
  const ownUsage = async (): Promise<number> => {
    const answer = await ask('/usage')
    return Number(/"usage":(\d+)/.exec(answer)?.[1]) + usage()
  }
  const before = { start: performance.now(), own: await ownUsage(), idle: idleMilliseconds() }
  const other = way === 'other process' ? computeElsewhere() : 0
  if (other === 0) await ask(`/${way}`)
  const latencies: number[] = []
  const start = performance.now()
  let now = start
  while (now < start + milliseconds) {
    await ask('/')
    const answered = performance.now()
    latencies.push(answered - now)
    now = answered
  }
  await ask('/finished')
  const own = (await ownUsage()) - before.own + (await other)
  const idle = idleMilliseconds() - before.idle
  const taken = performance.now() - before.start
  socket.destroy()
  return {
    rate: (latencies.length / (now - start)) * 1000,
    p99: percentile(latencies, 99),
    longest: Math.max(...latencies),
    disturbance: cpus().length - (idle + own) / taken,
  }
}

/** Returns the milliseconds of a processor that it took. */
async function computeElsewhere(): Promise<number> {
  const program = `(${compute})(${milliseconds}); console.log((${usage})())`
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', program])
  return Number(stdout)
}

function usage(): number {
  const { user, system } = process.cpuUsage()
  return Math.round((user + system) / 1000)
}

function idleMilliseconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0)
}

function percentile(values: readonly number[], percent: number): number {
  const histogram = createHistogram()
  for (const value of values) histogram.record(Math.ceil(value * 1000))
  return histogram.percentile(percent) / 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}
