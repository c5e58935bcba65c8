// Writes the tables and the charts of docs/performance.md; the text between them is written by hand.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hostNames, hosts } from '../http/start.ts'
import { streamHosts } from '../http/streams.ts'
import { readResults, type Results } from '../results.ts'
import { judge } from './budgets.ts'
import { drawCharts } from './charts.ts'
import * as tables from './tables.ts'

const docs = new URL('../../../docs/', import.meta.url)
const page = new URL('performance.md', docs)

export async function writePage(results: Results): Promise<void> {
  for (const [name, chart] of Object.entries(drawCharts(results))) {
    writeFileSync(new URL(`images/${name}.svg`, docs), await chart())
  }
  const parts: Record<string, string> = {
    cost: tables.cost(results, false),
    'cost of asynchronous handlers': tables.cost(results, true),
    alternatives: tables.alternatives(results),
    request: tables.request(results),
    streams: streamHosts
      .map((host) => `### Streams: ${hosts[host].title}\n\n${tables.streamsOf(host, results)}`)
      .join('\n\n'),
    lists: tables.lists(results),
    waiting: tables.waiting(results),
    away: tables.away(results),
    budgets: tables.budgets(judge(results)),
    machine: tables.machine(results),
    'every row': hostNames
      .map((host) => `### ${hosts[host].title}\n\n${tables.requestsOf(host, results)}`)
      .join('\n\n'),
  }
  const text = readFileSync(page, 'utf8').replaceAll(
    /(<!-- bench: (.+?) -->\n)[^]*?(<!-- \/bench -->)/g,
    (_all, start: string, name: string, end: string) => {
      const part = parts[name]
      if (part === undefined) throw new Error(`Cannot write ${name}: there is no such part`)
      return `${start}\n${part}\n\n${end}`
    },
  )
  writeFileSync(page, text)
  // Its tables are aligned by the formatter, as all tables are.
  const oxfmt = fileURLToPath(new URL('../../../node_modules/.bin/oxfmt', import.meta.url))
  execFileSync(oxfmt, [fileURLToPath(page)])
}

// By itself it draws what was measured before.
if (import.meta.main) await writePage(readResults())
