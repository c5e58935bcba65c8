import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { promisify } from 'node:util'

/** A program of a Debian package, and where that package puts it. */
interface Program {
  readonly package: string
  /** A glob: some packages have their version in the path. */
  readonly path: string
}

export const redisServer: Program = { package: 'redis-server', path: '/usr/bin/redis-server' }

export const postgres: Program = {
  package: 'postgresql',
  path: '/usr/lib/postgresql/*/bin/postgres',
}

export const chromium: Program = { package: 'chromium', path: '/usr/bin/chromium' }

/**
 * The path of the program. Installs its package when it is missing and this is root on Debian;
 * otherwise says what to install.
 */
export async function install(program: Program): Promise<string> {
  const found = find(program)
  if (found !== undefined) return found
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(
      `Cannot start ${program.path}: it is missing, install the Debian package ${program.package} (apt-get install ${program.package})`,
    )
  }
  await aptGet('update')
  await aptGet('install', '--yes', '--no-install-recommends', program.package)
  const installed = find(program)
  if (installed === undefined) {
    throw new Error(`Cannot start ${program.path}: ${program.package} did not bring it`)
  }
  return installed
}

function find({ path }: Program): string | undefined {
  return globSync(path).at(-1)
}

async function aptGet(...args: readonly string[]): Promise<void> {
  // Another suite may be installing at the same time. In run level 1 the packages start no service
  // of their own.
  await promisify(execFile)('apt-get', ['--option', 'DPkg::Lock::Timeout=300', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    maxBuffer: 64 * 1024 * 1024,
  })
}
