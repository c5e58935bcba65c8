import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkRelease } from '../release/checklist.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

const ready = {
  'package.json': {
    version: '1.2.3',
    repository: { type: 'git', url: 'git+https://git.example/tasks.git' },
    homepage: 'https://tasks.example',
    bugs: 'https://git.example/tasks/issues',
  },
  'package-lock.json': { version: '1.2.3' },
  'CHANGELOG.md':
    '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n\n### Added\n\n- Run.\n',
}

type Files = { [File in keyof typeof ready]?: string | object } & Record<string, string | object>

async function git(cwd: string, ...args: string[]): Promise<string> {
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
  return (await promisify(execFile)('git', [...author, ...args], { cwd })).stdout.trim()
}

/** A repository with one commit that could be released, but for these files. */
async function newRepository(files: Files = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [file, content] of Object.entries({ ...ready, ...files })) {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    await writeFile(join(folder, file), text)
  }
  await git(folder, 'init', '--quiet', '--initial-branch=main')
  await git(folder, 'add', '--all')
  await commit(folder)
  return folder
}

async function commit(folder: string): Promise<unknown> {
  return await git(folder, 'commit', '--quiet', '--allow-empty', '--no-gpg-sign', '--message=all')
}

async function problemsOf(folder: string): Promise<string[]> {
  const items = await checkRelease(folder)
  return items.flatMap(({ title, problem }) =>
    problem === undefined ? [] : `${title}: ${problem}`,
  )
}

const manifest = ready['package.json']

describe('checkRelease()', () => {
  it('finds nothing in a version that is ready', async () => {
    expect(await problemsOf(await newRepository())).toEqual([])
  })

  it.each<[string, Files, string]>([
    [
      'no repository',
      { 'package.json': { ...manifest, repository: undefined } },
      'package.json has "repository": it is no URL, fill it in',
    ],
    [
      'a homepage that is a place to fill in',
      { 'package.json': { ...manifest, homepage: 'TODO' } },
      'package.json has "homepage": it is no URL, fill it in',
    ],
    [
      'no place for bugs',
      { 'package.json': { ...manifest, bugs: {} } },
      'package.json has "bugs": it is no URL, fill it in',
    ],
    [
      'another version in the lock file',
      { 'package-lock.json': { version: '1.2.2' } },
      'package-lock.json has the same version: it has 1.2.2, run `npm install --package-lock-only`',
    ],
    [
      'no section of the changelog',
      { 'CHANGELOG.md': '## [Unreleased]\n\n- Run.\n' },
      'CHANGELOG.md says what is new in 1.2.3: it has no section, put the lines of Unreleased under `## [1.2.3] - <today>`',
    ],
    [
      'a section without a date',
      { 'CHANGELOG.md': '## [1.2.3]\n\n- Run.\n' },
      'CHANGELOG.md says what is new in 1.2.3: its section has no date, write `## [1.2.3] - <today>`',
    ],
    [
      'an empty section',
      { 'CHANGELOG.md': '## [1.2.3] - 2026-01-31\n\n## [1.2.2] - 2026-01-30\n\n- Run.\n' },
      'CHANGELOG.md says what is new in 1.2.3: its section is empty, say what a user sees',
    ],
    [
      'what is left under Unreleased',
      { 'CHANGELOG.md': `## [Unreleased]\n\n- Stop.\n\n## [1.2.3] - 2026-01-31\n\n- Run.\n` },
      'CHANGELOG.md says what is new in 1.2.3: something is left under Unreleased, put it under 1.2.3',
    ],
  ])('finds %s', async (_, files, problem) => {
    expect(await problemsOf(await newRepository(files))).toEqual([problem])
  })

  it('finds a version that is none', async () => {
    const files = { 'package.json': { ...manifest, version: 'next' } }
    expect(await problemsOf(await newRepository(files))).toContain(
      'the version next is one to publish: it is no semantic version, run `npm version`',
    )
  })

  it('finds what is not committed', async () => {
    const folder = await newRepository()
    await writeFile(join(folder, 'notes.txt'), 'later')
    expect(await problemsOf(folder)).toEqual([
      'everything is committed: notes.txt is not, commit it or take it away',
    ])
  })

  it('finds a version that is tagged elsewhere, and lets the tag of this commit be', async () => {
    const folder = await newRepository()
    await git(folder, 'tag', 'v1.2.3')
    expect(await problemsOf(folder)).toEqual([])
    const tagged = await git(folder, 'rev-parse', 'HEAD')
    await commit(folder)
    expect(await problemsOf(folder)).toEqual([
      `no other commit is tagged v1.2.3: ${tagged.slice(0, 7)} is, choose the next version`,
    ])
  })
})

async function release(folder: string, ...args: string[]): Promise<string> {
  const main = join(root, 'release/main.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { cwd: folder })
  return stdout
}

describe('npm run release', () => {
  it('tags the commit and pushes both', async () => {
    const folder = await newRepository()
    const origin = await mkdtemp(join(tmpdir(), 'background-tasks-'))
    onTestFinished(() => rm(origin, { recursive: true }))
    await git(origin, 'init', '--quiet', '--bare')
    await git(folder, 'remote', 'add', 'origin', origin)
    await git(folder, 'config', 'user.name', 'test')
    await git(folder, 'config', 'user.email', 'test@localhost')
    expect(await release(folder, '--check')).toMatch(/^(✓ .*\n){8}$/)
    expect(await git(folder, 'tag')).toBe('')

    expect(await release(folder)).toContain('v1.2.3 is on its way')
    const head = await git(folder, 'rev-parse', 'HEAD')
    expect(await git(origin, 'rev-parse', 'v1.2.3^{commit}')).toBe(head)
    expect(await git(origin, 'rev-parse', 'main')).toBe(head)
  })

  it('says what is left to do, and neither tags nor pushes', async () => {
    const folder = await newRepository({ 'CHANGELOG.md': '' })
    await expect(release(folder)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining(
        '✗ CHANGELOG.md says what is new in 1.2.3: it has no section',
      ),
      stderr: 'Cannot release: 1 of 8 are left to do\n',
    })
    expect(await git(folder, 'tag')).toBe('')
  })

  it('is what `npm publish` asks first', async () => {
    const folder = await newRepository({ 'CHANGELOG.md': '' })
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const { prepublishOnly } = scripts
    const publishable = { ...manifest, name: 'background-tasks', scripts: { prepublishOnly } }
    await cp(join(root, 'release'), join(folder, 'release'), { recursive: true })
    await writeFile(join(folder, 'package.json'), JSON.stringify(publishable))
    const npm = promisify(execFile)('npm', ['publish', '--dry-run'], { cwd: folder })
    await expect(npm).rejects.toMatchObject({
      stdout: expect.stringContaining('✗ CHANGELOG.md says what is new in 1.2.3'),
    })
  })
})
