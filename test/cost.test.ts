/** What the package costs in what can be counted: no clock is needed to see it grow. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, type BuildOptions, type BuildResult } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import type { Cost } from './support/cost-script.ts'

/**
 * What a request may cost beyond the bare handler. The counts are exact, so that they are lowered with
 * what they bound; the bytes have a fifth to spare, since releases of Node differ.
 */
const perRequest: Record<string, Cost> = {
  // The handler's promise and two round it; `finish` and `close`, since a task may still be added; two
  // macrotasks, as if there were one.
  'no task': { promises: 3, timers: 2, listeners: 2, bytes: 3250 },
  // The same, and the task.
  'sync task': { promises: 3, timers: 2, listeners: 2, bytes: 4050 },
  // And the task's own promise, and what waits for it.
  'async task': { promises: 11, timers: 2, listeners: 2, bytes: 6700 },
}

/** What an entry point takes: bytes, minified and gzipped, and what it imports at run time. */
const perEntryPoint: Record<string, { bytes: number; imports: string[] }> = {
  // Everywhere, so nothing of any runtime.
  '.': { bytes: 8100, imports: [] },
  // The request's list is found through the async context.
  './context': { bytes: 8100, imports: ['node:async_hooks'] },
  './next': { bytes: 8500, imports: ['next/server.js'] },
  // One instrument: its types come from the core, its code does not.
  './opentelemetry': { bytes: 450, imports: ['@opentelemetry/api'] },
  './worker-threads': {
    bytes: 6900,
    imports: ['node:os', 'node:util', 'node:worker_threads', 'piscina'],
  },
  './bullmq': { bytes: 9200, imports: ['bullmq', 'node:timers/promises'] },
}

/** Folders and files of `src/` that one entry point alone needs. */
const ownedBy: Record<string, RegExp> = {
  './worker-threads': /^src\/(threads\/|lib\/thread-)/,
  './bullmq': /^src\/(queue\/|lib\/durable-)/,
  './context': /^src\/lib\/current-response/,
}

const root = fileURLToPath(new URL('..', import.meta.url))

describe('A request on a host that tells the end', () => {
  let folder = ''
  let script = ''
  let bare: Cost

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'background-tasks-cost-'))
    script = join(folder, 'cost-script.mjs')
    await bundle('test/support/cost-script.ts', { outfile: script, write: true })
    bare = await costOf('bare')
    // The fake response itself: a collection meanwhile would leave less than nothing.
    expect(bare.bytes).toBeGreaterThan(100)
  })

  afterAll(() => rm(folder, { recursive: true }))

  it.for(Object.entries(perRequest))('costs what is allowed with %s', async ([way, allowed]) => {
    const cost = await costOf(way)
    const beyondBare = {
      promises: Math.round(cost.promises - bare.promises),
      timers: Math.round(cost.timers - bare.timers),
      listeners: cost.listeners - bare.listeners,
    }
    const bytes = Math.round(cost.bytes - bare.bytes)
    console.log(`${way}: ${bytes} bytes, ${JSON.stringify(beyondBare)}`)
    const { bytes: allowedBytes, ...allowedCounts } = allowed
    expect(beyondBare).toEqual(allowedCounts)
    expect(bytes).toBeLessThanOrEqual(allowedBytes)
  })

  async function costOf(way: string): Promise<Cost> {
    const young = ['--min-semi-space-size=256', '--max-semi-space-size=256']
    const args = ['--expose-gc', ...young, script, way]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    return JSON.parse(stdout)
  }
})

describe('An entry point', () => {
  const names = Object.keys(packageJson.exports).filter((name) => name !== './package.json')

  it('is in the list of what it may take', () => {
    expect(Object.keys(perEntryPoint).toSorted()).toEqual(names.toSorted())
  })

  it.for(names)('takes what is allowed: %s', async (name) => {
    const entry = `src/${name === '.' ? 'index' : name.slice(2)}.ts`
    const { outputFiles = [], metafile } = await bundle(entry, { minify: true, write: false })
    const code = outputFiles.map(({ text }) => text).join('')
    const bytes = gzipSync(code, { level: 9 }).length
    const imports = Object.values(metafile.outputs).flatMap((output) =>
      output.imports.map(({ path }) => path),
    )
    console.log(`${name}: ${bytes} bytes, minified and gzipped`)
    expect([...new Set(imports)].toSorted()).toEqual(perEntryPoint[name]?.imports)
    expect(bytes).toBeLessThanOrEqual(perEntryPoint[name]?.bytes ?? 0)
    const foreign = Object.keys(metafile.inputs).filter((path) =>
      Object.entries(ownedBy).some(([owner, files]) => owner !== name && files.test(path)),
    )
    expect(foreign).toEqual([])
  })
})

function bundle(
  entry: string,
  options: Pick<BuildOptions, 'minify' | 'outfile' | 'write'>,
): Promise<BuildResult<{ metafile: true }>> {
  return build({
    absWorkingDir: root,
    entryPoints: [entry],
    alias: { '#platform-wait-until': './src/lib/platform-wait-until.ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'node',
    packages: 'external',
    metafile: true,
    ...options,
  })
}
