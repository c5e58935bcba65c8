/** What someone does who installs the package: folders outside of this repository, and commands. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'
import { packOurs, root } from '../support/install.ts'

/** A folder that holds only a package.json. Call it while the tests are collected, or in a hook. */
export async function newFolder(type: 'commonjs' | 'module' = 'module'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type }))
  return folder
}

/** What is built, packed. */
export async function newTarball(): Promise<string> {
  const tarball = await packOurs()
  afterAll(() => rm(dirname(tarball), { recursive: true, force: true }))
  return tarball
}

/** A repository of its own with one commit: the files of this one as they are now. */
export async function newRepository(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const { stdout } = await runIn(root, ['git', ...list])
  for (const file of stdout.split('\0')) {
    // A file that is deleted, but not yet for git, is on the list too.
    if (file !== '') await cp(join(root, file), join(folder, file)).catch(() => {})
  }
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  await runIn(folder, ['git', 'init', '--quiet'])
  await runIn(folder, ['git', 'add', '--all', '--force'])
  await runIn(folder, ['git', ...author, 'commit', '--quiet', '--no-gpg-sign', '--message', 'all'])
  return folder
}

interface Printed {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end, with `node` as the Node of its scripts. Throws what it printed. */
export async function runIn(
  folder: string,
  command: readonly string[],
  node: string = process.execPath,
): Promise<Printed> {
  const [file = '', ...args] = command
  const runners = Object.keys(process.env).filter((name) =>
    /^(NODE_ENV$|NODE_OPTIONS$|VITE|TEST$|npm_|INIT_CWD$)/i.test(name),
  )
  // Not the binaries of this repository, which npm scripts have first on the path.
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
  const env = {
    ...process.env,
    ...Object.fromEntries(runners.map((name) => [name, undefined])),
    PATH: [dirname(node), ...path].join(delimiter),
    NO_COLOR: '1',
  }
  try {
    return await promisify(execFile)(file, args, { cwd: folder, env, maxBuffer: 2 ** 26 })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Printed>
    const text = `Cannot run \`${command.join(' ')}\` in ${folder}:\n${stdout}${stderr}`
    throw new Error(text, { cause: error })
  }
}

/** `npm install` of these, in a folder as a reader has it. */
export async function npmInstall(folder: string, ...names: readonly string[]): Promise<Printed> {
  return await runIn(folder, ['npm', 'install', '--no-audit', '--no-fund', ...names])
}
