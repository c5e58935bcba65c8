/** What a bundler makes of the core, which is all that the readers of a page would have to load. */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Bytes, minified and gzipped. Lower it when the core gets smaller. */
const limit = 7400

let code = ''
let inputs: string[] = []
let imports: string[] = []

// The source, not dist: nothing has to be built before.
beforeAll(async () => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/index.ts'],
    alias: { '#platform-wait-until': './src/lib/platform-wait-until.ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  code = outputFiles.map(({ text }) => text).join('')
  inputs = Object.keys(metafile.inputs)
  imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.map(({ path }) => path),
  )
})

describe('The core', () => {
  it(`is at most ${limit} bytes, minified and gzipped`, () => {
    const bytes = gzipSync(code, { level: 9 }).length
    console.log(`${bytes} bytes minified and gzipped, ${code.length} minified`)
    expect(bytes).toBeLessThanOrEqual(limit)
  })

  it('holds nothing but its own files: no other door, no dependency', () => {
    expect(
      inputs.filter((path) => path !== 'src/index.ts' && !path.startsWith('src/lib/')),
    ).toEqual([])
    // What another door alone uses.
    const foreign = /(thread-|json|current-response|\.workerd)/
    expect(inputs.filter((path) => foreign.test(path))).toEqual([])
  })

  it('imports nothing at run time', () => {
    expect(imports).toEqual([])
    expect(code).not.toContain('node:')
    expect(code).not.toMatch(/\bimport\b|\brequire\b/)
  })
})
