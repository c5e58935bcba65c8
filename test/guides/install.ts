/** Installs what the pages import, and puts the built package beside it as npm would. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const guides = join(root, 'test/guides')
const modules = join(guides, 'node_modules')

/** The packages of `package.json` beside this file, at the versions of its lock file. */
export async function installPackages(): Promise<void> {
  const lock = await readFile(join(guides, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  const stamp = join(modules, '.stamp')
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash) return
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: guides })
  await writeFile(stamp, hash)
}

/** Copies what `npm pack` would pack of the package, so that a page imports what a reader imports. */
export async function installOurs(): Promise<void> {
  if (!existsSync(join(root, 'dist/index.js'))) {
    throw new Error('Cannot run the pages: the package is not built, run `npm run build`')
  }
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts'],
    {
      cwd: root,
      maxBuffer: 16 * 1024 * 1024,
    },
  )
  const [{ files }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  const ours = join(modules, 'background-tasks')
  await rm(ours, { recursive: true, force: true })
  for (const { path } of files) {
    await cp(join(root, path), join(ours, path), { recursive: true })
  }
}

/** The environment of a reader's shell: the binaries of the packages and this Node come first. */
export function readersEnvironment(): NodeJS.ProcessEnv {
  const runners = /^(NODE_ENV$|NODE_OPTIONS$|VITE|TEST$)/
  const path = [join(modules, '.bin'), dirname(process.execPath), process.env['PATH']]
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !runners.test(name))),
    PATH: path.join(delimiter),
    NO_COLOR: '1',
    // wrangler asks nobody on the network.
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    // What a server listens to that is not told.
    HOST: '127.0.0.1',
  }
}
