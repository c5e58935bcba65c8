import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Installs the packages of `test/apps/<name>` and puts the built `background-tasks` beside them, as
 * it would come from the registry.
 *
 * @returns The folder of the app.
 */
export async function installApp(name: string): Promise<string> {
  const folder = join(root, 'test/apps', name)
  const modules = join(folder, 'node_modules')
  const stamp = join(modules, '.stamp')
  const lock = await readFile(join(folder, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  if (!existsSync(stamp) || (await readFile(stamp, 'utf8')) !== hash) {
    await runIn(folder, ['npm', 'install', '--no-save', '--no-audit', '--no-fund'])
    await writeFile(stamp, hash)
  }
  await extractPackage(modules)
  return folder
}

/**
 * Runs one command of an app to its end, with the app's own binaries first on the path: `next
 * build`, `astro check`. Throws with all it has printed when it fails.
 *
 * @returns What it has printed.
 */
export async function runIn(
  folder: string,
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const [file = '', ...args] = command
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, {
      cwd: folder,
      env: { ...process.env, ...appEnvironment(folder), ...env },
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout + stderr
  } catch (error) {
    const printed = error as { stdout?: string; stderr?: string }
    throw new Error(
      `\`${command.join(' ')}\` failed in ${folder}:\n${printed.stdout}${printed.stderr}`,
      { cause: error },
    )
  }
}

/**
 * What an app's own commands need beyond the environment of the tests, also for `startServer`: its
 * binaries first on the path, and not the test runner's variables (the frameworks take
 * `NODE_ENV=test` for an odd production).
 */
export function appEnvironment(folder: string): Record<string, string | undefined> {
  const runners = Object.keys(process.env).filter((name) => /^(NODE_ENV$|VITE|TEST$)/.test(name))
  const binaries = [join(folder, 'node_modules/.bin'), join(root, 'node_modules/.bin')]
  return {
    ...Object.fromEntries(runners.map((name) => [name, undefined])),
    PATH: [...binaries, process.env['PATH']].join(delimiter),
  }
}

// Packed for real, so that a file missing from the package's `files` is missing in the apps too.
async function extractPackage(modules: string): Promise<void> {
  if (!existsSync(join(root, 'dist/index.js'))) {
    throw new Error('Cannot install the package: dist/ is not built, run `npm run build` first')
  }
  const packed = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  await runIn(root, ['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', packed])
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const fresh = join(modules, '.background-tasks')
  const target = join(modules, 'background-tasks')
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh)
  await runIn(packed, [
    'tar',
    '-xzf',
    `background-tasks-${version}.tgz`,
    '--strip-components=1',
    '-C',
    fresh,
  ])
  await rm(target, { recursive: true, force: true })
  await rename(fresh, target)
  await rm(packed, { recursive: true })
}
