// Requests per second of a small JSON: every way of every host, in a process of its own.
import { usedMicroseconds } from '../measure/processes.ts'
import { type Summary, ratio, summarize } from '../measure/statistics.ts'
import { secondsOf, signal, takeTurns } from '../measure/turns.ts'
import { type Load, load } from '../measure/wrk.ts'
import type { Setup } from './handlers.ts'
import { type HostName, type Server, start, waysOf } from './start.ts'

export interface RequestsRow {
  readonly host: HostName
  readonly way: string
  readonly isAsync: boolean
  /** Requests per second, of a server that runs alone. */
  readonly rate: number
  /** Milliseconds within which 99 of 100 were answered then. */
  readonly p99: number
  /** Microseconds of CPU a request, of each round: those of one round are compared. */
  readonly cpus: readonly number[]
}

/** The requests that the same CPU serves in this way, as a part of those in another one. */
export function ratioTo(way: string, row: RequestsRow, rows: readonly RequestsRow[]): Summary {
  const base = rows.find(
    (one) => one.host === row.host && one.way === way && one.isAsync === row.isAsync,
  )
  return ratio(base?.cpus ?? [], row.cpus)
}

/** Ways whose cost depends on whether the handler is asynchronous. For the others a synchronous one is enough. */
const bothWays = ['bare', 'floor', 'no task', 'sync task', 'async task', 'provided']
const turnsPerRound = 6
/** Turns of a second, alone. */
const turnsAlone = 2

interface Served {
  readonly setup: Setup
  readonly server: Server
  readonly alone: Load[]
  readonly cpus: number[]
  answered: number
}

export async function measureRequests(host: HostName, rounds: number): Promise<RequestsRow[]> {
  const setups: Setup[] = [false, true].flatMap((isAsync) =>
    waysOf(host)
      .filter((way) => !isAsync || bothWays.includes(way))
      .map((way) => ({ way, isAsync, payload: 'json' as const })),
  )
  const all: Served[] = []
  try {
    for (const setup of setups) {
      all.push({ setup, server: await start(host, setup), alone: [], cpus: [], answered: 0 })
    }
    for (let turn = 0; turn < turnsAlone; turn += 1) {
      for (const one of all) {
        const loaded = await load(one.server.port, 1)
        if (loaded.cut > 0) throw new Error(`${host}, ${one.setup.way}: ${one.server.output()}`)
        one.alone.push(count(one, loaded))
      }
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const isAsync of [false, true]) {
        await measureRound(all.filter(({ setup }) => setup.isAsync === isAsync))
      }
    }
    return await Promise.all(all.map((one) => rowOf(host, one)))
  } finally {
    for (const { server } of all) await server.stop()
  }
}

/**
 * All servers are loaded at once, and one at a time is let run: the speed of a machine that is shared
 * changes within seconds, by more than what is compared.
 */
async function measureRound(all: readonly Served[]): Promise<void> {
  const children = all.map(({ server }) => server.child)
  const before = children.map(usedMicroseconds)
  for (const child of children) signal(child, 'SIGSTOP')
  const seconds = Math.ceil(secondsOf(all.length, turnsPerRound)) + 1
  const loads = Promise.all(all.map(({ server }) => load(server.port, seconds)))
  await takeTurns(children, turnsPerRound)
  const after = children.map(usedMicroseconds)
  const loaded = await loads
  for (const child of children) signal(child, 'SIGCONT')
  for (const [index, one] of all.entries()) {
    const { requests } = count(one, loaded[index])
    one.cpus.push(((after[index] ?? NaN) - (before[index] ?? NaN)) / requests)
  }
}

function count(one: Served, loaded: Load | undefined): Load {
  if (loaded === undefined) throw new Error('Not measured')
  one.answered += loaded.requests
  return loaded
}

async function rowOf(host: HostName, { setup, server, ...measured }: Served): Promise<RequestsRow> {
  checkTasks(`${host}, ${setup.way}`, setup, await server.finish(), measured.answered)
  const { alone, cpus } = measured
  return {
    host,
    way: setup.way,
    isAsync: setup.isAsync,
    rate: summarize(alone.map(({ rate }) => rate)).median,
    p99: summarize(alone.map(({ p99 }) => p99)).median,
    cpus,
  }
}

/** A way that is fast since it forgets its task is no way. What wrk cuts off at its end counts for nobody. */
function checkTasks(name: string, { way }: Setup, tasks: number, answered: number): void {
  if (way === 'bare' || way === 'no task') return
  if (tasks < answered) throw new Error(`${name}: ${answered} requests, but ${tasks} tasks`)
}
