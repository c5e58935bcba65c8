import { ratioTo } from '../http/requests.ts'
import { type HostName, hosts, signalHosts } from '../http/start.ts'
import { type Summary, spread } from '../measure/statistics.ts'
import type { Results } from '../results.ts'

/** What a row is to reach, and what it has reached. */
export interface Budget {
  readonly what: string
  readonly wanted: string
  readonly measured: Summary
  readonly isHeld: boolean
}

/** Above this the rounds differ by more than what they are to show. */
export const resolution = 0.03

export function isResolved(summary: Summary): boolean {
  return spread(summary) <= resolution
}

const nodeHosts: readonly HostName[] = ['whatwg-node', 'srvx', 'hono-node-server', 'hono', 'h3']

export function judge(results: Results): Budget[] {
  return [...requests(results), ...wrapped(results), ...streams(results), ...rest(results)]
}

/** Where the host tells the end, tasks cost nothing beyond the floor, and nothing where there are none. */
function requests({ requests: rows }: Results): Budget[] {
  return rows
    .filter(({ host }) => signalHosts.includes(host))
    .flatMap((row) => {
      const { host, way, isAsync } = row
      const reach = (base: string): Budget =>
        atLeast(
          `${title}: ${way === 'no task' ? 'no' : 'one'} task, of ${base}`,
          0.97,
          ratioTo(base, row, rows),
        )
      const handler = isAsync ? 'asynchronous' : 'synchronous'
      const title = `${hosts[host].title}, ${handler} handler`
      if (way === 'sync task') return [reach('floor')]
      return way === 'no task' ? [reach('bare')] : []
    })
}

/** The body wrapper against the usual ways to observe a body. */
function wrapped({ requests: rows }: Results): Budget[] {
  return rows
    .filter(({ way }) => way === 'wrap')
    .flatMap((row) => {
      const wanted = nodeHosts.includes(row.host) ? 1.2 : 1
      return ['pipeTo', 'pipeThrough'].map((usual) => {
        const title = `${hosts[row.host].title}: \`wrap\`, of \`${usual}\``
        return atLeast(title, wanted, ratioTo(usual, row, rows))
      })
    })
}

function streams({ streams: rows }: Results): Budget[] {
  return rows
    .filter(({ way, payload }) => way === 'sync task' && payload === 'long chunks')
    .map(({ host, ofBare }) =>
      atLeast(`${hosts[host].title}: 1 GiB in chunks of 64 KiB, of bare`, 0.95, ofBare),
    )
}

function rest({ lists, waiting }: Results): Budget[] {
  return [
    ...lists.flatMap(({ kind, tasks, ofTenth }) =>
      tasks === 100_000 && ofTenth
        ? [atMost(`100,000 ${kind} tasks, of the time of 10,000`, 12, ofTenth)]
        : [],
    ),
    ...waiting.flatMap((row) => {
      if (row.way === 'wrap')
        return [atMost('A waiting response, KiB', 2.5, kibibytes(row.waiting))]
      if (row.way !== 'signal') return []
      return [atMost('The same where the host tells the end, KiB', 1, kibibytes(row.waiting))]
    }),
  ]
}

function atLeast(what: string, wanted: number, measured: Summary): Budget {
  return { what, wanted: `at least ${wanted}`, measured, isHeld: measured.median >= wanted }
}

function atMost(what: string, wanted: number, measured: Summary): Budget {
  return { what, wanted: `at most ${wanted}`, measured, isHeld: measured.median <= wanted }
}

function kibibytes(bytes: number): Summary {
  return exactly(bytes / 1024)
}

function exactly(value: number): Summary {
  return { median: value, low: value, high: value }
}
