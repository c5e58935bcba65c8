/** What only some suites need is installed by them: a folder with a package.json and its lock file. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Installs the packages of a folder of this repository and puts `background-tasks` beside them, as it
 * would come from the registry: its peers are those of the folder.
 *
 * @returns The path of the folder.
 */
export async function installPacked(name: string): Promise<string> {
  const folder = await installPackages(name)
  await extractOurs(join(folder, 'node_modules'))
  return folder
}

/** The same with a link to this repository: its peers are those of the root. */
export async function installLinked(name: string): Promise<string> {
  const folder = await installPackages(name)
  const link = join(folder, 'node_modules/background-tasks')
  await rm(link, { recursive: true, force: true })
  await symlink(root, link, 'dir')
  return folder
}

/** Installs the packages of a folder of this repository, unless they are as its lock file says. */
export async function installPackages(name: string): Promise<string> {
  const folder = join(root, name)
  const stamp = join(folder, 'node_modules/.stamp')
  const lock = await readFile(join(folder, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash) return folder
  await run('npm', ['ci', '--no-audit', '--no-fund'], folder)
  await writeFile(stamp, hash)
  return folder
}

/**
 * Packs what is built.
 *
 * @returns The path of the archive, in a folder of its own.
 */
export async function packOurs(): Promise<string> {
  if (!existsSync(join(root, 'dist/index.js'))) {
    throw new Error('Cannot pack the package: dist/ is not built, run `npm run build` first')
  }
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  const printed = await run('npm', args, root)
  return join(folder, printed.trim().split('\n').at(-1) ?? '')
}

// Packed for real, so that a file missing from the package's `files` is missing in the suites too.
async function extractOurs(modules: string): Promise<void> {
  const archive = await packOurs()
  const fresh = join(modules, '.background-tasks')
  const target = join(modules, 'background-tasks')
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  await run('tar', ['-xzf', archive, '--strip-components=1', '-C', fresh], root)
  await rm(target, { recursive: true, force: true })
  await rename(fresh, target)
  await rm(join(archive, '..'), { recursive: true })
}

async function run(file: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, args, { cwd, maxBuffer: 2 ** 26 })
    return stdout
  } catch (error) {
    throw new Error(`Cannot run \`${file} ${args.join(' ')}\` in ${cwd}: it failed`, {
      cause: error,
    })
  }
}
