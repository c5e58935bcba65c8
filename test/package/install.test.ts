import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { installNode, installRuntime, nodeMajors } from '../hosts/install.ts'
import typesPackage from '../types/package.json' with { type: 'json' }
import { newFolder, newRepository, newTarball, npmInstall, runIn } from './reader.ts'

/** As they are imported: `background-tasks/next`. */
const names = Object.keys(packageJson.exports)
  .filter((key) => key !== './package.json')
  .map((key) => `background-tasks${key.slice(1)}`)

/** At the versions that the type tests know. */
const peers = Object.keys(packageJson.peerDependencies).map((name) => {
  const version = Object.entries(typesPackage.dependencies).find(([other]) => other === name)?.[1]
  return `${name}@${version}`
})

/** Prints what each entry point exports, and runs a task after a response. */
const program = (load: (name: string) => string): string => `
const exported = {}
for (const name of ${JSON.stringify(names)}) exported[name] = Object.keys(${load('name')})
const { BackgroundTasks } = ${load("'background-tasks'")}
const ran = []
const tasks = new BackgroundTasks()
tasks.addTask((text) => ran.push(text), 'task')
const response = tasks.wrap(new Response('answered'))
ran.push(await response.text())
await tasks.finished
console.log(JSON.stringify({ exported, ran }))
process.exit()
`
const modules = program((name) => `await import(${name})`)
const commonjs = `void (async () => {${program((name) => `require(${name})`)}})()`

const runtimes = [
  ...nodeMajors.map((major) => ({
    name: `Node ${major}`,
    command: async () => [await installNode(major)],
  })),
  { name: 'Bun', command: async () => [await installRuntime('bun')] },
  { name: 'Deno', command: async () => [await installRuntime('deno'), 'run', '-A'] },
]

interface Loaded {
  readonly exported: Record<string, string[]>
  readonly ran: string[]
}

async function run(cwd: string, file: string, command: string[]): Promise<Loaded> {
  const { stdout } = await runIn(cwd, [...command, file])
  return JSON.parse(stdout)
}

/** What the entry points give, whatever runs them. */
let expected: Loaded
let tarball: string
let folder: string
beforeAll(async () => {
  folder = await newFolder()
  tarball = await newTarball()
  await npmInstall(folder, tarball, ...peers, '--omit=optional')
  await writeFile(join(folder, 'load.js'), modules)
  await writeFile(join(folder, 'load.cjs'), commonjs)
  expected = await run(folder, 'load.js', [process.execPath])
  for (const [name, exported] of Object.entries(expected.exported)) {
    expect(exported, name).not.toEqual([])
  }
})

describe('The tarball, installed with npm', () => {
  it('runs nothing when it is installed, and brings nothing else', async () => {
    const empty = await newFolder()
    const { stdout } = await npmInstall(empty, tarball, '--foreground-scripts')
    expect(stdout.trim()).toMatch(/^added 1 package/)
  })

  describe.each(runtimes)('on $name', ({ command }) => {
    it('gives every entry point to import', async () => {
      const loaded = await run(folder, 'load.js', await command())
      expect(loaded).toEqual(expected)
      expect(loaded.ran).toEqual(['answered', 'task'])
    })

    it('gives every entry point to require() of CommonJS', async () => {
      expect(await run(folder, 'load.cjs', await command())).toEqual(expected)
    })
  })
})

describe('The repository', () => {
  let repository: string
  let node: string
  beforeAll(async () => {
    repository = await newRepository()
    node = await installNode(20)
  })

  it('is installed without a warning on Node 20, takes less than 250 MB, and can be packed', async () => {
    const { stderr } = await runIn(repository, ['npm', 'ci', '--no-audit', '--no-fund'], node)
    expect(stderr).not.toContain('warn')
    const { stdout: size } = await runIn(repository, ['du', '-sm', 'node_modules'])
    expect(Number.parseInt(size)).toBeLessThan(250)

    const { stdout } = await runIn(repository, ['npm', 'pack', '--json', '--silent'], node)
    // What `prepare` prints may be in front.
    const [{ files }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
    const paths = files.map(({ path }: { path: string }) => path)
    expect(paths).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'src/index.ts', 'docs/index.md']),
    )
  })

  describe('installed with npm from git', () => {
    let installed: string
    beforeAll(async () => {
      installed = await newFolder()
      const command = ['npm', 'install', '--no-audit', '--no-fund', `git+file://${repository}`]
      await runIn(installed, command, node)
      await npmInstall(installed, ...peers, '--omit=optional')
      await writeFile(join(installed, 'load.js'), modules)
    })

    it.each(runtimes)('gives every entry point to import on $name', async ({ command }) => {
      expect(await run(installed, 'load.js', await command())).toEqual(expected)
    })
  })
})
