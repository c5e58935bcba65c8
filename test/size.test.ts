/** What a bundler makes of the core, which is all that the readers of a page would have to load. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { nodeMajors } from './hosts/install.ts'
import bunPackage from './hosts/runtimes/bun/package.json' with { type: 'json' }
import denoPackage from './hosts/runtimes/deno/package.json' with { type: 'json' }

const root = fileURLToPath(new URL('..', import.meta.url))

interface Bundle {
  readonly code: string
  /** Minified and gzipped. */
  readonly bytes: number
  readonly inputs: readonly string[]
  readonly imports: readonly string[]
}

// The source, not dist: nothing has to be built before.
async function bundle(exported: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: `export ${exported} from './src/index.ts'`, resolveDir: root },
    alias: { '#platform-wait-until': './src/hosts/platform-wait-until.ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  const code = outputFiles.map(({ text }) => text).join('')
  return {
    code,
    bytes: gzipSync(code, { level: 9 }).length,
    inputs: Object.keys(metafile.inputs).filter((path) => path !== '<stdin>'),
    imports: Object.values(metafile.outputs).flatMap((output) =>
      output.imports.map(({ path }) => path),
    ),
  }
}

let whole: Bundle
beforeAll(async () => {
  whole = await bundle('*')
})

describe('The core', () => {
  // Lower them when the core gets smaller.
  it.each([
    ['whole', '*', 8500],
    ['for an import of BackgroundTasks alone', '{ BackgroundTasks }', 6600],
  ])('is small, minified and gzipped: %s', async (name, exported, limit) => {
    const { bytes, code } = await bundle(exported)
    console.log(`${name}: ${bytes} bytes minified and gzipped, ${code.length} minified`)
    expect(bytes).toBeLessThanOrEqual(limit)
  })

  it('holds nothing but its own files: no other entry point, no dependency', () => {
    const own = /^src\/(index\.ts$|(handler|tasks|hosts|response|util)\/)/
    expect(whole.inputs.filter((path) => !own.test(path))).toEqual([])
    // What another entry point alone uses.
    const foreign = /(current-response|\.workerd)/
    expect(whole.inputs.filter((path) => foreign.test(path))).toEqual([])
  })

  it('imports nothing at run time', () => {
    expect(whole.imports).toEqual([])
    expect(whole.code).not.toContain('node:')
    expect(whole.code).not.toMatch(/\bimport\b|\brequire\b/)
  })
})

describe('The line of facts in README.md', () => {
  let line: string | undefined
  beforeAll(async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
    line = readme.split('\n').find((text) => text.startsWith('Dependencies: '))
  })

  it('says that there is no dependency, and there is none', () => {
    expect(line).toMatch(/^Dependencies: none\./)
    expect(packageJson).not.toHaveProperty('dependencies')
    expect(packageJson).not.toHaveProperty('optionalDependencies')
    expect(packageJson).not.toHaveProperty('bundledDependencies')
    // A peer is there only with the entry point that needs it.
    const peers = Object.entries(packageJson.peerDependenciesMeta)
    expect(peers.map(([name]) => name)).toEqual(Object.keys(packageJson.peerDependencies))
    expect(peers.filter(([, { optional }]) => !optional)).toEqual([])
  })

  it('says how large the core is', () => {
    const [, kilobytes] = / The core: (\S+) kB minified and gzipped\. /.exec(line ?? '') ?? []
    expect(kilobytes).toBe((whole.bytes / 1000).toFixed(1))
  })

  it('names the runtimes that the suite of the hosts starts', () => {
    const bun = bunPackage.dependencies.bun
    const deno = denoPackage.dependencies.deno
    const nodes = `${nodeMajors.slice(0, -1).join(', ')} and ${nodeMajors.at(-1)}`
    expect(line?.split(' Tested on: ')[1]).toBe(
      `Node ${nodes}, Bun ${minorOf(bun)}, Deno ${minorOf(deno)}, Cloudflare Workers (workerd).`,
    )
  })
})

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.')
}
