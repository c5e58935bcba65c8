import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { hosts } from './hosts.ts'
import { readResults } from './results.ts'
import { hostHead, hostRow, limits, page, readTables } from './tables.ts'

// The tables of docs/hosts.md, from what the suite has measured last.
const results = await readResults()
const rows = Object.keys(hosts).flatMap((name) => {
  const measured = results.get(name)
  return measured === undefined ? [] : [hostRow(measured)]
})

let text = await readTables()
text = between(text, 'measured', [hostHead, ...rows].join('\n'))
text = between(text, 'limits', limits())
await writeFile(page, text)
await promisify(execFile)('oxfmt', [page])

function between(whole: string, name: string, table: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = whole.split(start)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`docs/hosts.md has no ${start} … ${end}`)
  return `${before}${start}\n\n${table}\n\n${end}${after}`
}
