/**
 *     npm run release             checks what must hold, tags the commit and pushes both
 *     npm run release -- --check  only checks, as `npm publish` does too
 *
 * The tag starts `.github/workflows/release.yml`, which runs the tests and publishes.
 */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { checkRelease } from './checklist.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const folder = process.cwd()

const items = await checkRelease(folder)
for (const { title, problem } of items) {
  console.log(problem === undefined ? `✓ ${title}` : `✗ ${title}: ${problem}`)
}
const left = items.filter(({ problem }) => problem !== undefined).length
if (left > 0) {
  console.error(`Cannot release: ${left} of ${items.length} are left to do`)
  process.exitCode = 1
} else if (!values.check) {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  // Again after a push that failed.
  git('tag', '--annotate', '--force', '--message', `Release ${version}`, `v${version}`)
  git('push', '--atomic', 'origin', 'HEAD', `v${version}`)
  console.log(`v${version} is on its way: the workflow runs the tests and publishes`)
}

function git(...args: string[]): void {
  execFileSync('git', args, { stdio: 'inherit' })
}
