import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The Node that the root installs, and those of `runtimes/`. */
export type NodeMajor = 20 | 22 | 24 | 26
export const nodeMajors: readonly NodeMajor[] = [20, 22, 24, 26]

/** Installs the Node of this major unless it is there, and returns its program. */
export async function installNode(major: NodeMajor): Promise<string> {
  if (major === 24) return join(root, 'node_modules/.bin/node')
  const folder = join(root, `test/hosts/runtimes/node-${major}`)
  const stamp = join(folder, 'node_modules/.stamp')
  const lock = await readFile(join(folder, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  if (!existsSync(stamp) || (await readFile(stamp, 'utf8')) !== hash) {
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder })
    await writeFile(stamp, hash)
  }
  return join(folder, 'node_modules/.bin/node')
}

if (import.meta.main) {
  for (const major of nodeMajors) process.stdout.write(`${await installNode(major)}\n`)
}
