/** What must hold before a version is published. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Item {
  /** What has to be so. */
  readonly title: string
  /** What is wrong, and what to do; undefined if nothing is. */
  readonly problem: string | undefined
}

interface Manifest {
  readonly version?: unknown
  readonly repository?: unknown
  readonly homepage?: unknown
  readonly bugs?: unknown
}

/** Looks at a checkout of the package. Changes nothing, and asks no other machine. */
export async function checkRelease(folder: string): Promise<Item[]> {
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8')
  const manifest: Manifest = JSON.parse(await read('package.json'))
  const lock: Manifest = JSON.parse(await read('package-lock.json'))
  const version = String(manifest.version)
  return [
    ...(['repository', 'homepage', 'bugs'] as const).map((field) => ({
      title: `package.json has "${field}"`,
      problem: isFilled(manifest[field]) ? undefined : 'it is no URL, fill it in',
    })),
    { title: `the version ${version} is one to publish`, problem: versionProblem(version) },
    {
      title: 'package-lock.json has the same version',
      problem:
        lock.version === version
          ? undefined
          : `it has ${String(lock.version)}, run \`npm install --package-lock-only\``,
    },
    {
      title: `CHANGELOG.md says what is new in ${version}`,
      problem: changelogProblem(await read('CHANGELOG.md'), version),
    },
    { title: 'everything is committed', problem: await treeProblem(folder) },
    {
      title: `no other commit is tagged v${version}`,
      problem: await tagProblem(folder, `v${version}`),
    },
  ]
}

/** A URL, or an object with a `url`: npm takes both. */
function isFilled(field: unknown): boolean {
  const url = typeof field === 'object' && field !== null && 'url' in field ? field.url : field
  return typeof url === 'string' && /^(git\+)?(https|ssh):\/\/\S+\.\S+$/.test(url)
}

function versionProblem(version: string): string | undefined {
  // https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string
  const isVersion = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\da-z-]+(\.[\da-z-]+)*)?$/i
  return isVersion.test(version) ? undefined : 'it is no semantic version, run `npm version`'
}

function changelogProblem(text: string, version: string): string | undefined {
  const sections = text.split(/^## /m).slice(1)
  const unreleased = sections.find((section) => section.startsWith('[Unreleased]'))
  const section = sections.find((candidate) => candidate.startsWith(`[${version}]`))
  if (section === undefined) {
    return `it has no section, put the lines of Unreleased under \`## [${version}] - <today>\``
  }
  if (!/^\[[^\]]+\] - \d{4}-\d{2}-\d{2}$/m.test(section.split('\n')[0] ?? '')) {
    return `its section has no date, write \`## [${version}] - <today>\``
  }
  if (!hasLines(section)) return 'its section is empty, say what a user sees'
  if (unreleased !== undefined && hasLines(unreleased)) {
    return `something is left under Unreleased, put it under ${version}`
  }
  return undefined
}

function hasLines(section: string): boolean {
  return /^- \S/m.test(section)
}

async function treeProblem(folder: string): Promise<string | undefined> {
  const changes = (await git(folder, 'status', '--porcelain')).split('\n').filter(Boolean)
  if (changes.length === 0) return undefined
  return `${changes.map((line) => line.slice(3)).join(', ')} is not, commit it or take it away`
}

async function tagProblem(folder: string, tag: string): Promise<string | undefined> {
  const tagged = await git(folder, 'rev-parse', '--quiet', '--verify', `${tag}^{commit}`).catch(
    () => undefined,
  )
  if (tagged === undefined || tagged === (await git(folder, 'rev-parse', 'HEAD'))) return undefined
  return `${tagged.slice(0, 7)} is, choose the next version`
}

async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', args, { cwd: folder })
  return stdout.trimEnd()
}
