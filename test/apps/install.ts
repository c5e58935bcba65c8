import { execFile } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { installPacked, root } from '../support/install.ts'

/**
 * Installs the packages of `test/apps/<name>` and puts the built `background-tasks` beside them, as
 * it would come from the registry.
 *
 * @returns The folder of the app.
 */
export function installApp(name: string): Promise<string> {
  return installPacked(`test/apps/${name}`)
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
