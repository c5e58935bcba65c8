import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Case } from './cases/case.ts'
import { connections } from './cases/connections.ts'
import { disconnects } from './cases/disconnects.ts'
import { exchanges } from './cases/exchanges.ts'
import { ignoredUpgrade } from './cases/upgrade.ts'
import { http1 } from './clients.ts'
import { differencesOf, expected, servers } from './differences.ts'
import type { Form } from './host-server.ts'
import { type HostName, hosts, type HostUnderTest } from './hosts.ts'
import type { Results } from './results.ts'

export const page = fileURLToPath(new URL('../../docs/hosts.md', import.meta.url))

const cases = [...exchanges, ...disconnects, ...connections, ignoredUpgrade]
const formNames = {
  bare: 'the bare handler',
  with: '`withBackgroundTasks`',
  provide: '`provideBackgroundTasks`',
  wrap: '`wrap` alone',
  request: '`wrap` with the request',
}
const middlewareNames = {
  ...formNames,
  with: '`c.var.backgroundTasks`',
  provide: '`backgroundTasks()`',
}

export function readTables(): Promise<string> {
  return readFile(page, 'utf8')
}

/** The formatter lines the columns up. */
export function unpadded(table: string): string {
  return table.replaceAll(/ +/g, ' ')
}

export const hostHead = [
  '| Host | Tested on | The body | `HEAD` | client gone before the handler returns | gone mid-stream | source fails | 20 MB for a slow client: tasks start |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
].join('\n')

/** What `withBackgroundTasks` does on one host, as measured. */
export function hostRow({ title, runtimes, untouched, measured }: Results): string {
  const of = (name: string): { outcome?: unknown; start?: string } => {
    const form = measured[name]?.['with']
    return typeof form === 'object' ? form : {}
  }
  const gone = [
    of('client gone before the handler returns, string').outcome,
    of('client gone before the handler returns, stream').outcome,
  ]
  const body = untouched.stream
    ? 'untouched'
    : untouched.string
      ? 'a stream is wrapped'
      : 'is wrapped'
  return row([
    title,
    tested(runtimes),
    body,
    of('HEAD string').outcome,
    gone[0] === gone[1] ? gone[0] : `string ${gone[0]}, stream ${gone[1]}`,
    of('client gone mid-stream').outcome,
    of('source fails').outcome,
    of('slow client, 20 MB string').start,
  ])
}

/** Every documented limit of the suite, with its reason, by host. */
export function limits(): string {
  const names = Object.keys(hosts) as HostName[]
  const all = new Map(names.map((name) => [name, ownLimitsOf(name)]))
  const adapters = names.filter((name) => isAdapter(name) && servers[name] === undefined)
  const common = limitsOf('srvx').filter((limit) =>
    adapters.every((name) => all.get(name)?.some((other) => isEqual(limit, other))),
  )
  const sections = names.map((name): [HostUnderTest, Limit[]] => [
    hosts[name],
    (all.get(name) ?? []).filter(
      (limit) => !isAdapter(name) || !common.some((other) => isEqual(limit, other)),
    ),
  ])
  return [[{ title: 'Every adapter for `node:http`' }, common] as const, ...sections]
    .filter(([, list]) => list.length > 0)
    .map(([host, list]) => `**${host.title}**\n\n${lines(list, namesOf(host)).join('\n')}`)
    .join('\n\n')
}

function namesOf({ forms }: Pick<HostUnderTest, 'title' | 'forms'>): typeof formNames {
  return forms === undefined ? formNames : middlewareNames
}

/** One request in one form that a host answers otherwise. */
interface Limit {
  readonly request: string
  readonly form: Form
  readonly text: string
}

/** Those that its server has not. */
function ownLimitsOf(host: HostName): Limit[] {
  const server = servers[host]
  const known = server === undefined ? [] : limitsOf(server)
  return limitsOf(host).filter((limit) => !known.some((other) => isEqual(limit, other)))
}

function limitsOf(host: HostName): Limit[] {
  return cases.flatMap((each) =>
    each.forms.flatMap((form) => {
      const text = limitOf(host, each, form)
      return text === undefined ? [] : [{ request: each.name, form, text }]
    }),
  )
}

function isAdapter(name: HostName): boolean {
  const { client, runtimes } = hosts[name]
  return client === http1 && runtimes.some((runtime) => runtime.name.startsWith('Node'))
}

function isEqual(one: Limit, other: Limit): boolean {
  return one.request === other.request && one.form === other.form && one.text === other.text
}

/** A line for all requests and forms that have the same limit. */
function lines(list: readonly Limit[], names: typeof formNames): string[] {
  return [...Map.groupBy(list, ({ text }) => text)].flatMap(([text, ofText]) => {
    const byForm = Map.groupBy(ofText, ({ form }) => form)
    const byRequests = Map.groupBy(byForm, ([, of]) => requestNames(of))
    return [...byRequests].map(([requests, entries]) => {
      const ofForms = entries.map(([form]) => names[form]).join(', ')
      return wrapped(`- ${ofForms}; ${requests}: ${text}`)
    })
  })
}

function limitOf(host: HostName, { name, standard }: Case, form: Form): string | undefined {
  const applied = differencesOf(host, name, form)
  if (applied.length === 0) return undefined
  const wanted = expected(host, name, form, standard)
  const { outcome, wire, lastByte, start, source } = typeof wanted === 'string' ? {} : wanted
  const others = applied.flatMap(({ or }) => (or?.outcome === undefined ? [] : [or.outcome]))
  const instead = [
    typeof wanted === 'string' || outcome === 'no task' ? 'no task' : undefined,
    outcome === standard.outcome || outcome === 'no task' || outcome === undefined
      ? undefined
      : [outcome, ...others].map((each) => `\`${each}\``).join(' or '),
    wire === standard.wire || wire === undefined ? undefined : `\`${wire}\``,
    lastByte === standard.lastByte ? undefined : lastByte,
    start === standard.start || start === undefined ? undefined : `the tasks start ${start}`,
    source === standard.source || source === undefined ? undefined : `the source is told ${source}`,
  ].filter((part) => part !== undefined)
  // A host may do as all others where its server does not.
  if (instead.length === 0) return undefined
  const reasons = new Set(applied.slice(-1).map(({ reason }) => reason))
  return `${instead.join(', ')}. ${[...reasons].join('. ')}.`
}

/** `GET string` and `GET json` as `GET` of string, json. */
function requestNames(list: readonly Limit[]): string {
  const names = list.map(({ request }) => request.replace(/, (.*)/, ' ($1)'))
  const byMethod = Map.groupBy(names, (name) => /^(GET|HEAD) /.exec(name)?.[1])
  return [...byMethod]
    .map(([method, of]) =>
      method === undefined
        ? of.join(', ')
        : `\`${method}\` of ${of.map((name) => name.slice(method.length + 1)).join(', ')}`,
    )
    .join('; ')
}

/** As long as a line of the page may be. */
function wrapped(text: string): string {
  return text.replaceAll(/(?=.{119})(.{1,118}) /g, '$1\n  ')
}

function row(cells: readonly unknown[]): string {
  return `| ${cells.map(String).join(' | ')} |`
}

/** The majors of Node, or the one version of another runtime. */
function tested(runtimes: readonly string[]): string {
  const majors = runtimes.map((each) => /^Node (\d+)/.exec(each)?.[1])
  return majors.includes(undefined) ? runtimes.join(', ') : `Node ${majors.join(', ')}`
}
