import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { root } from '../support/install.ts'
import { newTarball, runIn } from './reader.ts'

const bin = join(root, 'test/package/node_modules/.bin')

let tarball: string
beforeAll(async () => {
  tarball = await newTarball()
})

describe('The tarball', () => {
  it('is what publint asks of a package', async () => {
    const { stdout } = await runIn(root, [join(bin, 'publint'), '--strict', tarball])
    expect(stdout).toContain('All good!')
  })

  it('has types that every resolution of ES modules finds', async () => {
    const command = [join(bin, 'attw'), tarball, '--profile', 'esm-only']
    const { stdout } = await runIn(root, command)
    // It exits with 1 on a problem; what the profile ignores is printed all the same.
    expect(stdout).toContain('node16 (from ESM): 🟢 (ESM)')
  })
})
