import { isPrinted, readBlocks } from '../support/fences.ts'

/** What a page tells its reader to do, and what it says that the reader will see. */
export type Step =
  | { readonly kind: 'save'; readonly line: number; readonly file: string; readonly code: string }
  | { readonly kind: 'run'; readonly line: number; readonly command: string }
  | {
      readonly kind: 'ask'
      readonly line: number
      readonly command: string
      readonly answer: string
    }
  | { readonly kind: 'see'; readonly line: number; readonly printed: string }
  | { readonly kind: 'interrupt'; readonly line: number }

const run = /\brun `([^`]+)`/gi

/**
 * The steps of a page, in the order of reading:
 *
 * - "Save it as `server.mjs`, and run `node server.mjs`:" above a fence is a file and a command,
 *   unless the fence is a copy of a file that another suite runs
 * - a `console` fence has commands after `$ ` for another terminal, and their answers
 * - a `text` fence below "The server prints:" is what the program has printed since
 * - "Press Ctrl+C" does so
 *
 * A page that saves nothing has none.
 */
export function readSteps(path: string, text: string): Step[] {
  const steps: Step[] = []
  const blocks = readBlocks(path, text)
  blocks.forEach((block, index) => {
    const { line } = block
    const above = blocks[index - 1]
    if (block.kind === 'paragraph') {
      const next = blocks[index + 1]
      const saves = next?.kind === 'fence' && next.save !== undefined
      if (!saves) steps.push(...commandsIn(block.text, line))
      if (/\bpress Ctrl\+C\b/i.test(block.text)) steps.push({ kind: 'interrupt', line })
    } else if (block.save !== undefined && block.file === undefined) {
      steps.push({ kind: 'save', line, file: block.save, code: block.code })
      if (above?.kind === 'paragraph') steps.push(...commandsIn(above.text, line))
    } else if (block.language === 'console') {
      for (const [, command = '', answer = ''] of block.code.matchAll(
        /^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm,
      ))
        steps.push({ kind: 'ask', line, command, answer })
    } else if (isPrinted(block, above)) steps.push({ kind: 'see', line, printed: block.code })
  })
  return steps.some(({ kind }) => kind === 'save') ? steps : []
}

function commandsIn(text: string, line: number): Step[] {
  return [...text.matchAll(run)].map(([, command = '']) => ({ kind: 'run', line, command }))
}
