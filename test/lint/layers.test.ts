import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkSources, countLines } from './layers.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Writes the files into a folder of the test's own. */
async function write(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  return folder
}

async function problemsOf(files: Record<string, string>): Promise<readonly string[]> {
  return (await checkSources(await write(files))).problems
}

describe('checkSources()', () => {
  it('lets every folder import from itself and from those below', async () => {
    const files = {
      'index.ts': "export { wrap } from './tasks/wrap.ts'\nimport './handler/handle.ts'",
      'context.ts': "import { wrap } from './index.ts'\nimport './util/later.ts'",
      'handler/handle.ts': "import './thrown.ts'\nimport { wrap } from '../tasks/wrap.ts'",
      'hosts/wait-until.ts': "import { waitUntil } from '#platform-wait-until'",
      'response/exchange.ts': "import { later } from '../util/later.ts'\nimport 'node:events'",
      'worker-threads.ts': "import { pool } from './threads/pool.ts'",
      'threads/pool.ts': "import './entry.ts'\nimport '../util/report.ts'\nimport 'piscina'",
    }
    expect(await problemsOf(files)).toEqual([])
  })

  it.each([
    ['a value', "import { task } from '../tasks/task.ts'"],
    ['a type', "import type { Task } from '../tasks/task.ts'"],
    ['a type where it is used', "let task: import('../tasks/task.ts').Task"],
    ['a module on demand', "await import('../tasks/task.ts')"],
    ['what it exports again', "export * from '../tasks/task.ts'"],
  ])('finds %s from a folder above', async (_, text) => {
    expect(await problemsOf({ 'response/exchange.ts': text })).toEqual([
      'response/exchange.ts imports tasks/task.ts: imports run entry points → handler → tasks → hosts → response → util',
    ])
  })

  it('finds an entry point, a file outside, and what an alias stands for', async () => {
    const files = {
      'util/later.ts': "import '../index.ts'\nimport '../../package.json'",
      'response/outcome.ts': "import '#platform-wait-until'",
    }
    expect(await problemsOf(files)).toEqual([
      'response/outcome.ts imports hosts/platform-wait-until.ts: imports run entry points → handler → tasks → hosts → response → util',
      'util/later.ts imports ../package.json: it is outside of the sources',
      'util/later.ts imports index.ts: imports run entry points → handler → tasks → hosts → response → util',
    ])
  })

  it('keeps threads and queue to the entry points that they are for', async () => {
    const files = {
      'index.ts': "import './threads/pool.ts'",
      'bullmq.ts': "import './threads/pool.ts'\nimport './queue/job.ts'",
      'queue/job.ts': "import '../threads/pool.ts'\nimport '../handler/handle.ts'",
    }
    expect(await problemsOf(files)).toEqual([
      'bullmq.ts imports threads/pool.ts: it is for worker-threads.ts alone',
      'index.ts imports threads/pool.ts: it is for worker-threads.ts alone',
      'queue/job.ts imports handler/handle.ts: imports run entry points → handler → tasks → hosts → response → util',
      'queue/job.ts imports threads/pool.ts: it is for worker-threads.ts alone',
    ])
  })

  it('finds a folder that is none of them', async () => {
    expect(await problemsOf({ 'lib/task.ts': '' })).toEqual([
      'lib/task.ts is in none of the folders handler, tasks, hosts, response, util, threads, queue',
    ])
  })

  it('counts the core: index.ts and the layers, without declarations', async () => {
    const src = await write({
      'index.ts': 'one()',
      'tasks/two.ts': 'one()\ntwo()',
      'util/four.ts': 'one()\ntwo()\nthree()\nfour()',
      'util/declared.d.ts': 'declare const one: 1',
      'next.ts': 'one()\ntwo()\nthree()\nfour()\nfive()',
      'threads/pool.ts': 'one()\ntwo()\nthree()\nfour()\nfive()',
    })
    const { problems, ...report } = await checkSources(src, { total: 6, median: 1, largest: 3 })
    const largest = { file: 'util/four.ts', lines: 4 }
    expect(report).toEqual({ files: 3, total: 7, median: 2, largest })
    expect(problems).toEqual([
      'The core has 7 lines, not 6',
      'The median file has 2 lines, not 1',
      'util/four.ts has 4 lines, not 3',
    ])
  })
})

describe('countLines()', () => {
  it('counts what is neither a comment nor blank', () => {
    const text = [
      '/** Says what it does.',
      ' * @example `code()` */',
      'export function run(', // 1
      '  first: string, // and why', // 2
      '): void {', // 3
      '  // Nothing.',
      '',
      '  const text = `a', // 4
      '// no comment', // 5
      '`', // 6
      '}', // 7
    ].join('\n')
    expect(countLines(text)).toBe(7)
  })
})

describe('oxlint', () => {
  it('finds a circle that is made of types alone', async () => {
    const src = await write({
      'a.ts': "import type { B } from './b.ts'\n\nexport interface A {\n  b: B\n}\n",
      'b.ts': "import type { A } from './a.ts'\n\nexport interface B {\n  a: A\n}\n",
    })
    const args = ['--config', join(root, '.oxlintrc.json'), src]
    const oxlint = promisify(execFile)(join(root, 'node_modules/.bin/oxlint'), args)
    await expect(oxlint).rejects.toMatchObject({ stdout: expect.stringContaining('no-cycle') })
  })
})
