/** What the package costs in what can be counted: no clock is needed to see it grow. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type BuildResult } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import type { Cost } from './support/cost-script.ts'

/**
 * What a request may cost beyond the bare handler. The counts are exact, so that they are lowered with
 * what they bound; the bytes have a fifth to spare, since releases of Node differ.
 */
const perRequest: Record<string, Cost> = {
  // A list, and what finds the host. Nothing subscribes to the end as long as nothing waits for it.
  'no task': { promises: 0, timers: 0, listeners: 0, bytes: 900 },
  // The continuation in the handler's context and what it continues; two macrotasks, as if there were
  // one; `finish` and `close`.
  'sync task': { promises: 2, timers: 2, listeners: 2, bytes: 5900 },
  // And the task's own promise, and what waits for it.
  'async task': { promises: 11, timers: 2, listeners: 2, bytes: 8800 },
}

/** What an entry point pulls in: folders of `src/`, and what it imports at run time. */
const perEntryPoint: Record<string, { folders: string[]; imports: string[] }> = {
  // Everywhere, so nothing of any runtime. `test/size.test.ts` has its bytes.
  '.': { folders: ['handler', 'hosts', 'response', 'tasks', 'util'], imports: [] },
  // The request's list is found through the async context.
  './context': {
    folders: ['handler', 'hosts', 'response', 'tasks', 'util'],
    imports: ['node:async_hooks'],
  },
  './hono': { folders: ['handler', 'hosts', 'response', 'tasks', 'util'], imports: [] },
  './next': {
    folders: ['handler', 'hosts', 'response', 'tasks', 'util'],
    imports: ['next/server.js'],
  },
  // An instrument: of the core it needs the checks of its arguments, and types.
  './opentelemetry': { folders: ['util'], imports: ['@opentelemetry/api'] },
  // A function that a list calls: it knows no list.
  './worker-threads': {
    folders: ['tasks', 'threads', 'util'],
    imports: ['node:os', 'node:util', 'node:worker_threads', 'piscina'],
  },
  './bullmq': {
    folders: ['hosts', 'queue', 'response', 'tasks', 'util'],
    imports: ['bullmq', 'node:timers/promises'],
  },
}

/** By an entry point, what is in a folder of all and needed by it alone. */
const ownFiles: Record<string, string> = { './context': 'src/hosts/current-response.ts' }

const root = fileURLToPath(new URL('..', import.meta.url))

describe('A request on a host that tells the end', () => {
  let folder = ''
  let script = ''
  let bare: Cost

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'background-tasks-cost-'))
    script = join(folder, 'cost-script.mjs')
    await bundle('test/support/cost-script.ts', script)
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

  it.for(names)('pulls in what it needs: %s', async (name) => {
    const { metafile } = await bundle(`src/${name === '.' ? 'index' : name.slice(2)}.ts`)
    const folders = Object.keys(metafile.inputs).flatMap((path) =>
      path.split('/').length > 2 ? [path.split('/')[1]] : [],
    )
    const imports = Object.values(metafile.outputs).flatMap((output) =>
      output.imports.map(({ path }) => path),
    )
    expect({
      folders: [...new Set(folders)].toSorted(),
      imports: [...new Set(imports)].toSorted(),
    }).toEqual(perEntryPoint[name])
    const foreign = Object.entries(ownFiles).filter(
      ([owner, file]) => owner !== name && file in metafile.inputs,
    )
    expect(foreign).toEqual([])
  })
})

function bundle(entry: string, outfile?: string): Promise<BuildResult<{ metafile: true }>> {
  return build({
    absWorkingDir: root,
    entryPoints: [entry],
    alias: { '#platform-wait-until': './src/hosts/platform-wait-until.ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'node',
    packages: 'external',
    metafile: true,
    write: outfile !== undefined,
    ...(outfile !== undefined && { outfile }),
  })
}
