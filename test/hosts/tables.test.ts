import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { hosts } from './hosts.ts'
import { readResults } from './results.ts'
import { hostRow, limits, readTables, unpadded } from './tables.ts'

const root = new URL('../../', import.meta.url)

describe('docs/hosts.md', () => {
  it('holds a row for each host as measured last, and the limits of the suite', async () => {
    const [page, results] = [unpadded(await readTables()), await readResults()]
    for (const name of Object.keys(hosts)) {
      const measured = results.get(name)
      expect(measured, `${name} has no results`).toBeDefined()
      if (measured !== undefined) expect(page).toContain(unpadded(hostRow(measured)))
    }
    expect(page).toContain(unpadded(`<!-- limits -->\n\n${limits()}\n\n<!-- /limits -->`))
  })
})

describe('The table of the README', () => {
  it('names the hosts that have results, and no others', async () => {
    const text = await readFile(new URL('README.md', root), 'utf8')
    const named = (row: string): string[] =>
      (new RegExp(`^\\| ${row}: ([^|]*)`, 'm').exec(text)?.[1] ?? '')
        .split(', ')
        .map((name) => name.replaceAll('`', '').trim().toLowerCase())
    const names = [...named('Fetch servers'), ...named('Runtimes'), ...named('Platforms')]
    const titles = [...(await readResults()).values()].map(({ title }) => title.toLowerCase())
    for (const name of names) {
      expect(titles).toContainEqual(expect.stringMatching(new RegExp(`^${name}\\b`)))
    }
    // These have rows of their own, and suites in test/apps.
    const frameworks = ['hono', 'h3']
    const unnamed = titles.filter(
      (title) => ![...names, ...frameworks].some((name) => title.startsWith(name)),
    )
    expect(unnamed).toEqual([])
  })

  it('names frameworks that have a suite each', async () => {
    const text = await readFile(new URL('README.md', root), 'utf8')
    const [, table = ''] = /\n((?:\|.*\n)+)/.exec(text) ?? []
    // The other rows are of hosts, which have results, or of no host at all.
    const rows = table
      .split('\n')
      .filter((row) => /^\| (?!Fetch|Runtimes|Platforms|A |Func)/.test(row))
    const pages = rows.flatMap((row) => [...row.matchAll(/\(docs\/([\w-]+)\.md\)/g)])
    const frameworks = pages.map(([, page]) => page)
    expect(frameworks).not.toEqual([])
    const missing = frameworks.filter(
      (name) => !existsSync(new URL(`test/apps/${name}.test.ts`, root)),
    )
    expect(missing).toEqual([])
  })
})
