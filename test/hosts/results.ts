import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Measured } from './cases/case.ts'

/** What the suite has measured on one host. */
export interface Results {
  readonly title: string
  /** With their versions, oldest first. */
  readonly runtimes: string[]
  /** Whether `withBackgroundTasks` hands on the very response of the handler. */
  readonly untouched: { string?: boolean; stream?: boolean }
  /** By case and form, in the newest runtime; a sentence where it cannot be measured. */
  readonly measured: Record<string, Record<string, Measured | string>>
}

const folder = fileURLToPath(new URL('results/', import.meta.url))

export async function writeResults(host: string, results: Results): Promise<void> {
  await writeFile(`${folder}${host}.json`, `${JSON.stringify(results, undefined, 2)}\n`)
}

export async function readResults(): Promise<Map<string, Results>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted()
  const results = new Map<string, Results>()
  for (const name of names) {
    results.set(name.replace('.json', ''), JSON.parse(await readFile(folder + name, 'utf8')))
  }
  return results
}
