/** A paragraph of a page: what stands between two fences or empty lines, headings and lists too. */
export interface Paragraph {
  readonly kind: 'paragraph'
  readonly line: number
  readonly text: string
}

/** A code fence of a page or of a doc comment. */
export interface Fence {
  readonly kind: 'fence'
  readonly path: string
  /** Of the line that opens it, from 1. */
  readonly line: number
  readonly language: string
  /** The file, or the region `file#name` of one, that the code is a copy of. */
  readonly file: string | undefined
  /** The name under which the paragraph above tells the reader to save it. */
  readonly save: string | undefined
  readonly code: string
  /** What the page says that the code prints: the `text` fence after it, below "It prints:". */
  readonly prints: string | undefined
}

export type Block = Paragraph | Fence

/** "Save it as `server.mjs`, and run `node server.mjs`:" */
const saved = /\bsave\b[^`]*\bas `([^`]+)`/i

/** "It prints:", "The server prints, a second later:" */
const printed = /\bprints\b[^`]*:$/

/** The paragraphs and fences of a Markdown page, or of the doc comments of a TypeScript file. */
export function readBlocks(path: string, text: string): Block[] {
  const lines = path.endsWith('.ts') ? text.split('\n').map(commentOf) : text.split('\n')
  const blocks: Block[] = []
  let paragraph: string[] = []
  const endParagraph = (line: number): void => {
    if (paragraph.length > 0) {
      const start = line - paragraph.length
      blocks.push({ kind: 'paragraph', line: start, text: paragraph.join('\n') })
    }
    paragraph = []
  }
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    const [, indent = '', marks, info = ''] = /^(\s*)(`{3,})([^`]*)$/.exec(line) ?? []
    if (marks === undefined) {
      if (line.trim() === '') endParagraph(at + 1)
      else paragraph.push(line.trim())
      continue
    }
    endParagraph(at + 1)
    const length = lines.slice(at + 1).findIndex((other) => other.trim() === marks)
    if (length === -1) throw new Error(`${path}:${at + 1} opens a code fence that nothing closes`)
    const [language = '', ...attributes] = info.trim().split(/\s+/)
    const code = lines
      .slice(at + 1, at + 1 + length)
      .map((codeLine) => `${codeLine.slice(indent.length)}\n`)
    const above = blocks.at(-1)
    blocks.push({
      kind: 'fence',
      path,
      line: at + 1,
      language,
      file: attributes.find((attribute) => attribute.startsWith('file='))?.slice(5),
      save: above?.kind === 'paragraph' ? saved.exec(above.text)?.[1] : undefined,
      code: code.join(''),
      prints: undefined,
    })
    at += length + 1
  }
  endParagraph(lines.length + 1)
  return blocks
}

/** The fences, without those that hold what another one prints. */
export function findFences(path: string, text: string): Fence[] {
  const fences: Fence[] = []
  let above: Block | undefined
  for (const block of readBlocks(path, text)) {
    const last = fences.at(-1)
    if (block.kind === 'fence' && isPrinted(block, above) && last !== undefined) {
      fences[fences.length - 1] = { ...last, prints: block.code }
    } else if (block.kind === 'fence') fences.push(block)
    above = block
  }
  return fences
}

/** Whether the fence holds what a program prints, as the paragraph above it says. */
export function isPrinted(fence: Fence, above: Block | undefined): boolean {
  return fence.language === 'text' && above?.kind === 'paragraph' && printed.test(above.text)
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

/** What a line says as a part of a doc comment. */
function commentOf(line: string): string {
  return /^\s*\* ?(.*)$/.exec(line)?.[1] ?? ''
}
