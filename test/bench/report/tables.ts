// The tables of docs/performance.md, which are printed too.
import { ratioTo } from '../http/requests.ts'
import { type HostName, hostNames, hosts } from '../http/start.ts'
import { waitingWays } from '../in-process/waiting.ts'
import { type Summary, summarize } from '../measure/statistics.ts'
import type { Results } from '../results.ts'
import { type Budget, isResolved } from './budgets.ts'

const titles: Readonly<Record<string, string>> = {
  'no task': '`withBackgroundTasks`, no task',
  'sync task': '`withBackgroundTasks`, a synchronous task',
  'async task': '`withBackgroundTasks`, an asynchronous task',
  provided: '`provideBackgroundTasks`, a task',
  wrap: '`wrap`, a task',
  pipeTo: '`pipeTo`, as Next.js does',
  pipeThrough: '`pipeThrough` with `flush`',
  'on-finished': 'on-finished',
  onDispose: "h3's `onDispose`",
  waitUntil: "the host's own `waitUntil`",
}

/** What a request costs, as the ratio that its budget is about. */
export function cost({ requests }: Results, isAsync: boolean): string {
  const columns = ['floor', 'no task', 'sync task', 'async task', 'provided', 'wrap']
  const shown = isAsync ? columns.slice(0, -1) : columns
  const rows = hostNames.map((host) => [
    hosts[host].title,
    ...shown.map((way) => {
      const row = requests.find(
        (one) => one.host === host && one.way === way && one.isAsync === isAsync,
      )
      return row === undefined ? '' : value(ratioTo('bare', row, requests))
    }),
  ])
  const heads = ['the floor', 'no task', 'a sync task', 'an async task', 'provided', '`wrap` alone']
  return table(['of the bare handler', ...heads.slice(0, shown.length)], rows)
}

/** The ways that a user would pick instead, and ours, in the order of the requests per second. */
export function alternatives({ requests }: Results): string {
  const others = [
    'pipeTo',
    'pipeThrough',
    'on-finished',
    'onDispose',
    'waitUntil',
    'elysia-background',
  ]
  const columns = ['sync task', 'wrap', ...others]
  const rows = hostNames.map((host) => [
    hosts[host].title,
    ...columns.map((way) => {
      const row = requests.find((one) => one.host === host && one.way === way && !one.isAsync)
      return row === undefined ? '' : value(ratioTo('bare', row, requests))
    }),
  ])
  return table(['of the bare handler', '`withBackgroundTasks`', '`wrap`', ...others], rows)
}

/** All that is known of one host. */
export function requestsOf(host: HostName, { requests }: Results): string {
  const rows = requests
    .filter((row) => row.host === host)
    .map((row) => {
      const ofBare = ratioTo('bare', row, requests)
      return [
        titles[row.way] ?? row.way,
        row.isAsync ? 'async' : 'sync',
        Math.round(row.rate).toLocaleString('en'),
        row.p99.toFixed(2),
        summarize(row.cpus).median.toFixed(1),
        value(ofBare),
        value(ratioTo('floor', row, requests)),
        isResolved(ofBare) ? range(ofBare) : `${range(ofBare)}, not resolved`,
      ]
    })
  const heads = [
    '',
    'handler',
    'requests/s',
    'p99, ms',
    'CPU, µs',
    'of bare',
    'of the floor',
    'spread',
  ]
  return table(heads, rows)
}

export function request({ request: measured }: Results): string {
  const rows = measured.map((row) => [
    titles[row.way] ?? row.way,
    row.isAsync ? 'async' : 'sync',
    row.cpu.toFixed(2),
    row.beyondBare.median.toFixed(2),
    `${row.beyondBare.low.toFixed(2)} to ${row.beyondBare.high.toFixed(2)}`,
    Math.round(row.bytes).toLocaleString('en'),
  ])
  const heads = ['', 'handler', 'CPU, µs', 'beyond bare, µs', 'spread', 'bytes beyond bare']
  return table(heads, rows)
}

export function streamsOf(host: HostName, { streams }: Results): string {
  const rows = streams
    .filter((row) => row.host === host)
    .map((row) => [
      titles[row.way] ?? row.way,
      row.payload === 'long chunks' ? '1 GiB in 64 KiB' : '100,000 of 1 KiB',
      Math.round(row.speed).toLocaleString('en'),
      value(row.ofBare),
      range(row.ofBare),
      Math.round(row.cpu).toLocaleString('en'),
      Math.round(row.peak).toLocaleString('en'),
    ])
  return table(['', 'body', 'MiB/s', 'of bare', 'spread', 'CPU, ms', 'peak memory, MiB'], rows)
}

export function lists({ lists: measured }: Results): string {
  const rows = measured.map(({ kind, tasks, perTask, ofTenth }) => [
    tasks.toLocaleString('en'),
    kind,
    perTask.toPrecision(3),
    ofTenth === undefined ? '' : ofTenth.median.toFixed(1),
  ])
  return table(['tasks', '', 'µs a task', 'times a list of a tenth'], rows)
}

export function waiting({ waiting: measured }: Results): string {
  const rows = measured.map(({ way, waiting: bytes, left }) => [
    waitingWays[way],
    (bytes / 1024).toFixed(2),
    // Less than nothing is what the machine has tidied up meanwhile.
    (Math.max(0, left) / 1024).toFixed(2),
  ])
  return table(['', 'KiB beyond bare', 'after its tasks'], rows)
}

export function away({ away: measured }: Results): string {
  const rows = measured.map(({ way, rate, ofAlone, cpu }) => [
    way,
    Math.round(rate).toLocaleString('en'),
    value(ofAlone),
    range(ofAlone),
    cpu.toFixed(1),
  ])
  return table(['', 'a second', 'of alone', 'spread', 'CPU, µs'], rows)
}

export function budgets(judged: readonly Budget[]): string {
  const rows = judged.map(({ what, wanted, measured, isHeld }) => [
    what,
    wanted,
    value(measured),
    isHeld ? 'holds' : '**missed**',
  ])
  return table(['budget', 'wanted', 'measured', ''], rows)
}

export function machine({ machine: measured }: Results): string {
  if (measured === undefined) return 'Not measured yet.'
  const { date, processor, cores, kernel, versions } = measured
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${date}, ${cores} cores of ${processor}, Linux ${kernel}. ${named.join(', ')}.`
}

/** A ratio. What the rounds do not resolve is marked. */
function value(summary: Summary): string {
  const text = summary.median.toFixed(2)
  return isResolved(summary) ? text : `≈ ${text}`
}

function range({ low, high }: Summary): string {
  return `${low.toFixed(2)} to ${high.toFixed(2)}`
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
