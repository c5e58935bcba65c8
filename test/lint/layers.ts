/**
 * Imports in `src/` run one way, types included: a file imports from its own folder and from folders
 * below it. `import/no-cycle` of oxlint looks after the circles within a folder. Run by
 * `npm run lint`, which fails beyond the limits too.
 */
import { glob, readFile } from 'node:fs/promises'
import { dirname, join, normalize, relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Top to bottom. The entry points are in no folder. */
const layers = ['', 'handler', 'tasks', 'hosts', 'response', 'util']

/** Beside the layers: each for one entry point, and what it may import besides itself. */
const annexes: Record<string, { readonly for: string; readonly uses: readonly string[] }> = {
  threads: { for: 'worker-threads.ts', uses: ['tasks', 'hosts', 'response', 'util'] },
  queue: { for: 'bullmq.ts', uses: ['tasks', 'hosts', 'response', 'util'] },
}

/** `imports` of package.json: the file that the core is built with. */
const aliases: Record<string, string> = {
  '#platform-wait-until': 'hosts/platform-wait-until.ts',
}

/** In lines of code: no comment, no blank line. */
export interface Limits {
  readonly total: number
  readonly median: number
  readonly largest: number
}

export const limits: Limits = { total: 2568, median: 50, largest: 157 }

export interface Report {
  /** Each names its file. */
  readonly problems: readonly string[]
  /** Of the core: `index.ts` and the layers below it. */
  readonly files: number
  readonly total: number
  readonly median: number
  readonly largest: { readonly file: string; readonly lines: number }
}

/** Looks at all TypeScript below `src`. */
export async function checkSources(src: string, allowed: Limits = limits): Promise<Report> {
  const problems: string[] = []
  const sizes: { file: string; lines: number }[] = []
  for await (const file of glob('**/*.ts', { cwd: src })) {
    const text = await readFile(join(src, file), 'utf8')
    if (!isPlaced(file)) problems.push(`${file} is in none of the folders ${folders().join(', ')}`)
    else problems.push(...wrongImports(file, text))
    if (isCore(file)) sizes.push({ file, lines: countLines(text) })
  }
  sizes.sort((one, other) => one.lines - other.lines || one.file.localeCompare(other.file))
  const total = sizes.reduce((sum, { lines }) => sum + lines, 0)
  const median = medianOf(sizes.map(({ lines }) => lines))
  const largest = sizes.at(-1) ?? { file: '', lines: 0 }
  if (total > allowed.total) problems.push(`The core has ${total} lines, not ${allowed.total}`)
  if (median > allowed.median) {
    problems.push(`The median file has ${median} lines, not ${allowed.median}`)
  }
  for (const { file, lines } of sizes) {
    if (lines > allowed.largest) problems.push(`${file} has ${lines} lines, not ${allowed.largest}`)
  }
  return { problems: problems.toSorted(), files: sizes.length, total, median, largest }
}

/** The lines that hold anything but comments and white space. */
export function countLines(text: string): number {
  const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true)
  const lines = new Set<number>()
  const visit = (node: ts.Node): void => {
    // A leaf is one token: of a template or a JSX text it may span lines.
    if (node.getChildCount(source) === 0) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line
      if (node.getWidth(source) > 0) for (let at = first; at <= last; at += 1) lines.add(at)
    }
    // Not forEachChild, which leaves out brackets and keywords.
    for (const child of node.getChildren(source)) if (!ts.isJSDoc(child)) visit(child)
  }
  visit(source)
  return lines.size
}

function wrongImports(file: string, text: string): string[] {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => targetOf(file, fileName))
    .filter((target) => target !== undefined)
    .filter((target) => !mayImport(file, target))
    .map((target) => `${file} imports ${target}: ${ruleOf(target)}`)
}

/** As a path below `src`; undefined for a package. */
function targetOf(file: string, name: string): string | undefined {
  if (name.startsWith('.')) return normalize(join(dirname(file), name))
  return aliases[name]
}

function mayImport(file: string, target: string): boolean {
  const [from, to] = [folderOf(file), folderOf(target)]
  if (from === to) return true
  const annex = annexes[to]
  if (annex !== undefined) return annex.for === file
  const below = annexes[from]?.uses ?? layers.slice(layers.indexOf(from))
  return below.includes(to)
}

function ruleOf(target: string): string {
  const annex = annexes[folderOf(target)]
  if (annex !== undefined) return `it is for ${annex.for} alone`
  if (target.startsWith('..')) return 'it is outside of the sources'
  return `imports run ${['entry points', ...layers.slice(1)].join(' → ')}`
}

function isPlaced(file: string): boolean {
  return ['', ...folders()].includes(folderOf(file))
}

function folders(): string[] {
  return [...layers.slice(1), ...Object.keys(annexes)]
}

function isCore(file: string): boolean {
  const folder = folderOf(file)
  if (file.endsWith('.d.ts')) return false
  return folder === '' ? file === 'index.ts' : layers.includes(folder)
}

/** The first folder of a path below `src`, '' for an entry point. */
function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : ''
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2
  const [low = 0, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1)
  return (low + high) / 2
}

if (import.meta.main) {
  const src = fileURLToPath(new URL('../../src', import.meta.url))
  const { problems, files, total, median, largest } = await checkSources(src)
  for (const problem of problems) console.error(problem)
  console.log(
    `The core: ${total} of ${limits.total} lines of code in ${files} files, ` +
      `median ${median} of ${limits.median}, largest ${largest.lines} of ${limits.largest} ` +
      `(${relative(process.cwd(), join(src, largest.file))})`,
  )
  if (problems.length > 0) process.exitCode = 1
}
