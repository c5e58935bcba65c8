// Requests per second of a small JSON: every way of every host, in a process of its own.
import { interleave } from '../measure/interleave.ts'
import { usedMicroseconds } from '../measure/processes.ts'
import { type Summary, ratio, summarize } from '../measure/statistics.ts'
import { type Load, load } from '../measure/wrk.ts'
import type { Setup } from './handlers.ts'
import { type HostName, type Server, start, waysOf } from './start.ts'

export interface RequestsRow {
  readonly host: HostName
  readonly way: string
  readonly isAsync: boolean
  /** Requests per second of each round: those of one round are compared, not those of one row. */
  readonly rates: readonly number[]
  /** Milliseconds within which 99 of 100 were answered. */
  readonly p99: number
  /** Microseconds of CPU a request. */
  readonly cpu: number
}

/** The requests per second of a row as a part of those of another way on the same host. */
export function ratioTo(way: string, row: RequestsRow, rows: readonly RequestsRow[]): Summary {
  const base = rows.find(
    (one) => one.host === row.host && one.way === way && one.isAsync === row.isAsync,
  )
  return ratio(row.rates, base?.rates ?? [])
}

interface Measured extends Load {
  readonly cpu: number
}

/** Ways whose cost depends on whether the handler is asynchronous. For the others a synchronous one is enough. */
const bothWays = ['bare', 'floor', 'no task', 'sync task', 'async task', 'provided']
const secondsPerTurn = 1

export async function measureRequests(host: HostName, rounds: number): Promise<RequestsRow[]> {
  const setups: Setup[] = [false, true].flatMap((isAsync) =>
    waysOf(host)
      .filter((way) => !isAsync || bothWays.includes(way))
      .map((way) => ({ way, isAsync, payload: 'json' as const })),
  )
  const servers = new Map<Setup, Server>()
  try {
    for (const setup of setups) servers.set(setup, await start(host, setup))
    const answered = new Map<Setup, number>()
    const results = await interleave(setups, rounds, async (setup): Promise<Measured> => {
      const server = find(servers, setup)
      const before = usedMicroseconds(server.child)
      const measured = await load(server.port, secondsPerTurn).catch((cause: unknown) => {
        throw new Error(`${host}, ${setup.way}: ${server.output()}`, { cause })
      })
      const cpu = (usedMicroseconds(server.child) - before) / measured.requests
      answered.set(setup, (answered.get(setup) ?? 0) + measured.requests)
      return { ...measured, cpu }
    })
    for (const [setup, server] of servers) {
      checkTasks(`${host}, ${setup.way}`, setup, await server.finish(), answered.get(setup) ?? 0)
      servers.delete(setup)
    }
    return setups.map(({ way, isAsync }, index) => {
      const own = [...results.values()][index] ?? []
      return {
        host,
        way,
        isAsync,
        rates: own.map(({ rate }) => rate),
        p99: summarize(own.map(({ p99 }) => p99)).median,
        cpu: summarize(own.map(({ cpu }) => cpu)).median,
      }
    })
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

/** A way that is fast since it forgets its task is no way. What wrk cuts off at its end counts for nobody. */
function checkTasks(name: string, { way }: Setup, tasks: number, answered: number): void {
  if (way === 'bare' || way === 'no task') return
  if (tasks < answered) throw new Error(`${name}: ${answered} requests, but ${tasks} tasks`)
}

function find<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key)
  if (value === undefined) throw new Error('Not measured')
  return value
}
