import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { ServerProcess } from '../support/server-process.ts'
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

/** Writes down that the program of the docs does on a platform what the page says. */
export async function writeProgram(
  host: string,
  { title, server }: { title: string; server: ServerProcess },
): Promise<void> {
  const events = await server.until(() => true)
  const version = events.find(({ type }) => type === 'version')?.['version']
  const measured = { 'the program of the docs': { with: 'runs its task before it is frozen' } }
  await writeResults(host, { title, runtimes: [String(version)], untouched: {}, measured })
}

export async function readResults(): Promise<Map<string, Results>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted()
  const results = new Map<string, Results>()
  for (const name of names) {
    results.set(name.replace('.json', ''), JSON.parse(await readFile(folder + name, 'utf8')))
  }
  return results
}
