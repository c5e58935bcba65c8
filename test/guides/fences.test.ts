/**
 * Every code fence of README.md, of docs/ and of the doc comments in src/ is a copy of tested code,
 * or is compiled and run.
 *
 * - ```` ```ts file=path ````, with the path from the root of the repository, is that file, to the
 *   letter, and ```` ```ts file=path#name ```` its `// #region name`. Another suite runs the file.
 * - One that the paragraph above tells the reader to save is run by `pages.test.ts`, with the command
 *   that stands there. TypeScript is compiled here too.
 * - ```` ```ts ```` is a module that `node` runs by itself, against the built package, in an empty
 *   folder. A `text` fence after it, below "It prints:", holds what it prints.
 * - The other languages below are not looked at.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fence, findFences, findRegion } from '../support/fences.ts'
import { root } from '../support/install.ts'
import { guides } from './shell.ts'

const freeLanguages = [
  'console',
  'diff',
  'json',
  'jsonc',
  'mermaid',
  'python',
  'sh',
  'text',
  'toml',
]

const fences: Fence[] = []
const links: { from: string; to: string }[] = []
const tests: { from: string; to: string }[] = []
/** To be run in a checkout, each with the `npx` or `npm` before it. */
const commands: { from: string; command: string }[] = []
for await (const path of glob(['README.md', 'docs/**/*.md', 'src/**/*.ts'], { cwd: root })) {
  const text = await readFile(join(root, path), 'utf8')
  fences.push(...findFences(path, text))
  if (path.endsWith('.ts')) continue
  for (const [, to = ''] of text.matchAll(/\]\(([^)#:\s]+)[^):]*\)/g))
    links.push({ from: path, to })
  for (const [to] of text.matchAll(/\btest\/[\w/-]+(?:\.test)?\.ts\b/g))
    tests.push({ from: path, to })
  for (const [command] of text.matchAll(/(?:npx )?node (?:docs|test)\/\S+\.ts|npm run [\w:-]+/g))
    commands.push({ from: path, command })
}
fences.sort((one, other) => one.path.localeCompare(other.path) || one.line - other.line)

/** A fence, as a test is named after it. */
const named = (fence: Fence): { where: string; fence: Fence } => ({
  where: `${fence.path}:${fence.line}`,
  fence,
})

describe('every link', () => {
  it('leads to a file, if it leads into the repository', () => {
    const broken = links.filter(({ from, to }) => !existsSync(join(root, dirname(from), to)))
    expect(broken).toEqual([])
  })
})

describe('every test that a page names', () => {
  it('is there', () => {
    expect(tests.filter(({ to }) => !existsSync(join(root, to)))).toEqual([])
    expect(tests).not.toEqual([])
  })
})

describe('every command', () => {
  // Node 20 will do for this package, but runs no TypeScript; npm and npx find the one of the tools.
  it('starts a program of the repository in a way that works whatever `node` is', () => {
    const bare = commands.filter(({ command }) => command.startsWith('node '))
    expect(bare).toEqual([])
  })

  it('names a file or a script that there is', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const missing = commands.filter(({ command }) => {
      const name = command.split(' ').at(-1) ?? ''
      return command.startsWith('npm ') ? !(name in scripts) : !existsSync(join(root, name))
    })
    expect(missing).toEqual([])
    expect(commands).not.toEqual([])
  })
})

describe('every fence', () => {
  it('is in a language that is checked, or in one that need not be', () => {
    const others = fences.filter(
      ({ file, save, language }) =>
        file === undefined &&
        save === undefined &&
        language !== 'ts' &&
        !freeLanguages.includes(language),
    )
    expect(others.map(({ path, line, language }) => `${path}:${line} ${language}`)).toEqual([])
  })
})

describe('a fence with a file', () => {
  const copies = fences.filter(({ file }) => file !== undefined).map(named)

  it.for(copies)('$where is what $fence.file holds', async ({ fence }) => {
    const [path = '', region] = fence.file?.split('#') ?? []
    const text = await readFile(join(root, path), 'utf8').catch(() => undefined)
    expect(text, `There is no file ${path}`).toBeDefined()
    const original = region === undefined ? text : findRegion(text ?? '', region)
    expect(original, `${path} has no region ${region}`).toBeDefined()
    expect(fence.code).toBe(original)
  })
})

describe('a fence by itself', () => {
  const programs = fences
    .filter(({ file, language }) => file === undefined && language === 'ts')
    // Those of another runtime are only run: its types are not Node's.
    .filter(({ save, code }) => save === undefined || !/\b(?:Bun|Deno)\.serve\b/.test(code))
    .map(named)
  const alone = programs.filter(({ fence }) => fence.save === undefined)

  let folder = ''
  let runs: Map<Fence, Promise<Run>>
  let errors: Map<Fence, string[]>

  beforeAll(async () => {
    // Beside the packages that the pages import.
    await mkdir(join(guides, '.fences'), { recursive: true })
    folder = await mkdtemp(join(guides, '.fences/run-'))
    const files = new Map<string, Fence>()
    for (const { fence } of programs) {
      const file = join(folder, `${fence.path.replaceAll('/', '_')}_${fence.line}.ts`)
      await writeFile(file, fence.code)
      files.set(file, fence)
    }
    runs = runAll(new Map([...files].filter(([, { save }]) => save === undefined)))
    errors = check(files)
  }, 300_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.for(programs)('$where compiles', ({ fence }) => {
    expect(errors.get(fence) ?? []).toEqual([])
  })

  it.for(alone)('$where runs and ends', { timeout: 120_000 }, async ({ fence }) => {
    const run = await runs.get(fence)
    expect(run?.code, `It ended with ${run?.code}:\n${run?.stdout}${run?.stderr}`).toBe(0)
    if (fence.prints !== undefined) expect(run?.stdout).toBe(fence.prints)
  })
})

interface Run {
  readonly code: number | NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the files, two at a time. */
function runAll(files: ReadonlyMap<string, Fence>): Map<Fence, Promise<Run>> {
  const places: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]
  let next = 0
  return new Map(
    [...files].map(([file, fence]) => {
      const place = next++ % places.length
      const run = Promise.resolve(places[place]).then(() => runFile(file))
      places[place] = run
      return [fence, run]
    }),
  )
}

async function runFile(file: string): Promise<Run> {
  const cwd = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  const env = { ...process.env, NO_COLOR: '1' }
  const child = spawn(process.execPath, [file], { cwd, env, timeout: 60_000 })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<Run['code']>((resolve) => {
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal))
  })
  await rm(cwd, { recursive: true, force: true })
  return { code, stdout, stderr }
}

/** The type errors of each file, at their lines of the page. */
function check(files: ReadonlyMap<string, Fence>): Map<Fence, string[]> {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    { noUnusedLocals: false, noUnusedParameters: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  )
  const program = ts.createProgram([...files.keys()], config?.options ?? {})
  const errors = new Map<Fence, string[]>()
  for (const [file, fence] of files) {
    const source = program.getSourceFile(file)
    const diagnostics = ts.getPreEmitDiagnostics(program, source)
    errors.set(
      fence,
      diagnostics.map(({ start = 0, messageText, code }) => {
        const { line = 0, character = 0 } = source?.getLineAndCharacterOfPosition(start) ?? {}
        const message = ts.flattenDiagnosticMessageText(messageText, '\n')
        return `${fence.path}:${fence.line + 1 + line}:${character + 1} TS${code} ${message}`
      }),
    )
  }
  return errors
}
