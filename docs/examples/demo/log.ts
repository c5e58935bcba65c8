import { rmSync } from 'node:fs'
import { appendFile, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let path: string | undefined

/** Makes the file that the tasks write to. It goes with the process. */
export async function openLog(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  return (path = join(folder, 'log.txt'))
}

export async function writeLog(line: string): Promise<void> {
  if (path !== undefined) await appendFile(path, `${line}\n`)
}

export async function readLog(): Promise<string> {
  return path === undefined ? '' : (await readFile(path, 'utf8')).trimEnd()
}
