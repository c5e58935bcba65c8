/** Each page that tells its reader to save a file and to run it does as it says. */
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startRedis } from '../services/redis.ts'
import { readBlocks } from '../support/fences.ts'
import { root } from '../support/install.ts'
import { followSteps } from './reader.ts'
import { readSteps } from './steps.ts'

const pages: { path: string; text: string }[] = []
for await (const path of glob(['README.md', 'docs/**/*.md'], { cwd: root })) {
  pages.push({ path, text: await readFile(join(root, path), 'utf8') })
}
pages.sort((one, other) => one.path.localeCompare(other.path))

describe('A page', () => {
  const followed = pages
    .map(({ path, text }) => ({ path, text, steps: readSteps(path, text) }))
    .filter(({ steps }) => steps.length > 0)

  it.for(followed)('$path works as it is read', { timeout: 240_000 }, async (page) => {
    const variables: NodeJS.ProcessEnv = {}
    if (page.text.includes('REDIS_URL')) {
      const redis = await startRedis()
      onTestFinished(() => redis.stop())
      variables['REDIS_URL'] = `redis://127.0.0.1:${redis.port}`
    }
    await followSteps(page.path, page.steps, variables)
  })
})

describe('What a page installs', () => {
  it('is installed for the tests that run it', async () => {
    const known = new Set(['background-tasks'])
    for await (const path of glob(['package.json', 'test/*/package.json'], { cwd: root })) {
      const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, path), 'utf8'))
      for (const name of Object.keys({ ...dependencies, ...devDependencies })) known.add(name)
    }
    const unknown: string[] = []
    for (const { path, text } of pages) {
      for (const block of readBlocks(path, text)) {
        for (const [, names = ''] of codeOf(block).matchAll(/\bnpm (?:install|i) ([^\n`#&]+)/g)) {
          for (const name of names.split(' ')) {
            if (/^[@a-z]/.test(name) && !known.has(name)) unknown.push(`${path}: ${name}`)
          }
        }
      }
    }
    expect(unknown).toEqual([])
  })
})

function codeOf(block: ReturnType<typeof readBlocks>[number]): string {
  return block.kind === 'paragraph' ? block.text : block.code
}
