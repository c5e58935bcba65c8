import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { nodeMajors } from './hosts/install.ts'
import bunPackage from './hosts/runtimes/bun/package.json' with { type: 'json' }
import denoPackage from './hosts/runtimes/deno/package.json' with { type: 'json' }
import { type Bundle, bundle, sizeOf } from './size/prices.ts'

let whole: Bundle
beforeAll(async () => {
  whole = await bundle('*')
})

describe('The core', () => {
  // Lower them when the core gets smaller.
  it.each([
    ['whole', '*', 12_314],
    ['for an import of BackgroundTasks alone', '{ BackgroundTasks }', 8671],
  ])('is small, minified and gzipped: %s', async (name, exported, limit) => {
    const bytes = await sizeOf(exported)
    console.log(`${name}: ${bytes} bytes minified and gzipped`)
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

  it('says how large the core is', async () => {
    const [, kilobytes] = / The core: (\S+) kB minified and gzipped\. /.exec(line ?? '') ?? []
    expect(kilobytes).toBe(((await sizeOf('*')) / 1000).toFixed(1))
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
