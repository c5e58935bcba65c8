import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { connections } from './cases/connections.ts'
import { disconnects } from './cases/disconnects.ts'
import { exchanges } from './cases/exchanges.ts'
import { ignoredUpgrade } from './cases/upgrade.ts'
import { differences } from './differences.ts'
import { type HostName, hosts } from './hosts.ts'
import type { Results } from './results.ts'

export const page = fileURLToPath(new URL('../../docs/hosts.md', import.meta.url))

const cases = [...exchanges, ...disconnects, ...connections, ignoredUpgrade]
const forms = {
  bare: 'the bare handler',
  with: '`withBackgroundTasks`',
  provide: '`provideBackgroundTasks`',
  wrap: '`wrap` alone',
  request: '`wrap` with the request',
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

/** Every documented limit of the suite, with its reason. */
export function limits(): string {
  const head = ['| Host | Request | With | Instead | Why |', '| --- | --- | --- | --- | --- |']
  const rows = differences.map((each) => {
    const names = cases.flatMap(({ name, forms: own }) =>
      each.cases.test(name) && own.some((form) => each.forms.includes(form)) ? [name] : [],
    )
    const { outcome, wire, lastByte, start, source } = each.measured ?? {}
    const instead = [
      outcome === undefined
        ? undefined
        : [outcome, ...(each.or?.outcome === undefined ? [] : [each.or.outcome])]
            .map((name) => (name === 'no task' ? name : `\`${name}\``))
            .join(' or '),
      wire === undefined ? undefined : `\`${wire}\``,
      lastByte,
      start === undefined ? undefined : `the tasks start ${start}`,
      source === undefined ? undefined : `the source is told ${source}`,
      each.measured === undefined ? 'no task' : undefined,
    ]
    return row([
      each.hosts.map((name: HostName) => hosts[name].title).join('; '),
      names.join('; '),
      each.forms.map((form) => forms[form]).join(', '),
      instead.filter((part) => part !== undefined).join(', '),
      each.reason,
    ])
  })
  return [...head, ...rows].join('\n')
}

function row(cells: readonly unknown[]): string {
  return `| ${cells.map(String).join(' | ')} |`
}

/** The majors of Node, or the one version of another runtime. */
function tested(runtimes: readonly string[]): string {
  const majors = runtimes.map((each) => /^Node (\d+)/.exec(each)?.[1])
  return majors.includes(undefined) ? runtimes.join(', ') : `Node ${majors.join(', ')}`
}
