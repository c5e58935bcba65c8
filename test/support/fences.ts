/** A code fence of a page or of a doc comment. */
export interface Fence {
  readonly path: string
  /** Of the line that opens it, from 1. */
  readonly line: number
  readonly language: string
  /** The file, or the region `file#name` of one, that the code is a copy of. */
  readonly file: string | undefined
  readonly code: string
  /** What the page says that the code prints: the `text` fence after it, below `// prints`. */
  readonly prints: string | undefined
}

const printsMark = '// prints\n'

/** The fences of a Markdown page, or of the doc comments of a TypeScript file. */
export function findFences(path: string, text: string): Fence[] {
  const lines = text.split('\n')
  const fences = readFences(path, path.endsWith('.ts') ? lines.map(commentOf) : lines)
  return fences.flatMap((fence, index) => {
    if (isPrinted(fence)) {
      if (fences[index - 1]?.language === 'ts') return []
      throw new Error(`${path}:${fence.line} says what is printed, but follows no ts fence`)
    }
    const next = fences[index + 1]
    if (next === undefined || !isPrinted(next)) return [fence]
    return [{ ...fence, prints: next.code.slice(printsMark.length) }]
  })
}

/** The lines between `// #region name` and its `// #endregion`, indented as the region is. */
export function findRegion(text: string, name: string): string | undefined {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.trim() === `// #region ${name}`)
  const length = lines.slice(start).findIndex((line) => line.trim().startsWith('// #endregion'))
  if (start === -1 || length === -1) return undefined
  const indent = (lines[start] ?? '').search(/\S/)
  return lines
    .slice(start + 1, start + length)
    .map((line) => `${line.slice(indent)}\n`)
    .join('')
}

function readFences(path: string, lines: readonly string[]): Fence[] {
  const fences: Fence[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const [, indent = '', marks, info = ''] = /^(\s*)(`{3,})([^`]*)$/.exec(lines[at] ?? '') ?? []
    if (marks === undefined) continue
    const length = lines.slice(at + 1).findIndex((line) => line.trim() === marks)
    if (length === -1) throw new Error(`${path}:${at + 1} opens a code fence that nothing closes`)
    const [language = '', ...attributes] = info.trim().split(/\s+/)
    const file = attributes.find((attribute) => attribute.startsWith('file='))?.slice(5)
    const code = lines.slice(at + 1, at + 1 + length).map((line) => line.slice(indent.length))
    fences.push({
      path,
      line: at + 1,
      language,
      file,
      code: code.map((line) => `${line}\n`).join(''),
      prints: undefined,
    })
    at += length + 1
  }
  return fences
}

function isPrinted({ language, code }: Fence): boolean {
  return language === 'text' && code.startsWith(printsMark)
}

/** What a line says as a part of a doc comment. */
function commentOf(line: string): string {
  return /^\s*\* ?(.*)$/.exec(line)?.[1] ?? ''
}
