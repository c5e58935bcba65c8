/**
 * Writes into the pages what the files hold that their fences are copies of:
 *
 *     npm run docs:copies
 */
import { glob, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Fence, findFences, findRegion } from '../support/fences.ts'
import { root } from '../support/install.ts'

for await (const path of glob(['README.md', 'docs/**/*.md'], { cwd: root })) {
  const text = await readFile(join(root, path), 'utf8')
  const lines = text.split('\n')
  // From the last one on, so that the lines of the others stay where they are.
  for (const fence of findFences(path, text).toReversed()) {
    if (fence.file === undefined) continue
    const length = fence.code.split('\n').length - 1
    lines.splice(fence.line, length, ...(await originalOf(fence)).split('\n').slice(0, -1))
  }
  if (lines.join('\n') === text) continue
  await writeFile(join(root, path), lines.join('\n'))
  console.log(path)
}

async function originalOf({ path, line, file = '' }: Fence): Promise<string> {
  const [name = '', region] = file.split('#')
  const text = await readFile(join(root, name), 'utf8')
  const original = region === undefined ? text : findRegion(text, region)
  if (original === undefined) throw new Error(`${path}:${line} copies a region that is not there`)
  return original
}
