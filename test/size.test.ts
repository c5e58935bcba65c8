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

/** Bytes, minified and gzipped. Lower it when the core gets smaller. */
const limit = 8100

let code = ''
let bytes = 0
let inputs: string[] = []
let imports: string[] = []

// The source, not dist: nothing has to be built before.
beforeAll(async () => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/index.ts'],
    alias: { '#platform-wait-until': './src/hosts/platform-wait-until.ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  code = outputFiles.map(({ text }) => text).join('')
  bytes = gzipSync(code, { level: 9 }).length
  inputs = Object.keys(metafile.inputs)
  imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.map(({ path }) => path),
  )
})

describe('The core', () => {
  it(`is at most ${limit} bytes, minified and gzipped`, () => {
    console.log(`${bytes} bytes minified and gzipped, ${code.length} minified`)
    expect(bytes).toBeLessThanOrEqual(limit)
  })

  it('holds nothing but its own files: no other door, no dependency', () => {
    expect(
      inputs.filter((path) => path !== 'src/index.ts' && !path.startsWith('src/lib/')),
    ).toEqual([])
    // What another door alone uses.
    const foreign = /(thread-|durable-|json|current-response|\.workerd)/
    expect(inputs.filter((path) => foreign.test(path))).toEqual([])
  })

  it('imports nothing at run time', () => {
    expect(imports).toEqual([])
    expect(code).not.toContain('node:')
    expect(code).not.toMatch(/\bimport\b|\brequire\b/)
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
    // A peer is there only with the door that needs it.
    const peers = Object.entries(packageJson.peerDependenciesMeta)
    expect(peers.map(([name]) => name)).toEqual(Object.keys(packageJson.peerDependencies))
    expect(peers.filter(([, { optional }]) => !optional)).toEqual([])
  })

  it('says how large the core is', () => {
    const [, kilobytes] = / The core: (\S+) kB minified and gzipped\. /.exec(line ?? '') ?? []
    expect(kilobytes).toBe((bytes / 1000).toFixed(1))
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
