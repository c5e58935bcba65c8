/** What runs where: `npm test`, `.ci/run` and `.github/workflows` leave no suite out. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }

const scripts: Record<string, string> = packageJson.scripts
const suites = Object.keys(scripts).filter((name) => name.startsWith('test:'))

const read = (file: string): Promise<string> =>
  readFile(new URL(`../${file}`, import.meta.url), 'utf8')

describe('npm test', () => {
  it('runs every suite', () => {
    const run = scripts['test']?.split(' && ').map((command) => command.replace('npm run ', ''))
    expect(run).toEqual(expect.arrayContaining(suites))
  })
})

describe('.ci/run', () => {
  it('runs the commands that the README has for a fresh checkout, and no others', async () => {
    const lines = (await read('.ci/run')).trim().split('\n')
    expect(lines.slice(3)).toEqual(['npm install', 'npm test'])
    expect(await read('README.md')).toContain('npm install && npm test')
  })
})

describe('.github/workflows/checks.yml', () => {
  it('runs every suite', async () => {
    const [, matrix = ''] =
      /^ +suite: \[(.*)\]$/m.exec(await read('.github/workflows/checks.yml')) ?? []
    expect(
      matrix
        .split(', ')
        .map((name) => `test:${name}`)
        .toSorted(),
    ).toEqual(suites.toSorted())
  })

  it('runs only scripts that there are', async () => {
    const files = ['checks.yml', 'release.yml'].map((name) => read(`.github/workflows/${name}`))
    const commands = (await Promise.all(files)).join('').matchAll(/npm run ([\w:-]+)$/gm)
    const missing = [...commands].map(([, name = '']) => name).filter((name) => !(name in scripts))
    expect(missing).toEqual([])
  })
})
