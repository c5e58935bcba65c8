import { delimiter, join } from 'node:path'
import process from 'node:process'
import { installPackages, root } from '../support/install.ts'

/** The Node that the root installs, and those of `runtimes/`. */
export type NodeMajor = 20 | 22 | 24 | 26
export const nodeMajors: readonly NodeMajor[] = [20, 22, 24, 26]

/** Installs the Node of this major unless it is there, and returns its program. */
export async function installNode(major: NodeMajor): Promise<string> {
  if (major === 24) return join(root, 'node_modules/.bin/node')
  const folder = await installPackages(`test/hosts/runtimes/node-${major}`)
  return join(folder, 'node_modules/.bin/node')
}

/** Installs Bun or Deno unless it is there, and returns its program. */
export async function installRuntime(name: 'bun' | 'deno'): Promise<string> {
  const folder = await installPackages(`test/hosts/runtimes/${name}`)
  return join(folder, 'node_modules/.bin', name)
}

/** Lets the tests of a project start `bun` and `deno` by their names. */
export async function putRuntimesOnPath(): Promise<void> {
  const programs = [await installRuntime('bun'), await installRuntime('deno')]
  const folders = programs.map((program) => join(program, '..'))
  process.env['PATH'] = [...folders, process.env['PATH']].join(delimiter)
}

if (import.meta.main) {
  for (const major of nodeMajors) process.stdout.write(`${await installNode(major)}\n`)
}
