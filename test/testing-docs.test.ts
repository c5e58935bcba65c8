import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../docs/examples/testing', import.meta.url))
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('support/no-config.ts', import.meta.url))

/** What the runner prints; it rejects if a test fails. */
async function run(args: readonly string[]): Promise<string> {
  // A runner inside a runner must not take itself for a part of it.
  const { NODE_TEST_CONTEXT: _, VITEST: __, ...env } = process.env
  const options = { cwd: root, env: { ...env, NO_COLOR: '1' }, timeout: 30_000 }
  const { stdout } = await promisify(execFile)(process.execPath, args, options)
  return stdout
}

describe('docs/examples/testing', { timeout: 60_000 }, () => {
  it('passes in vitest', async () => {
    const args = ['run', '--root', root, '--config', config, 'vitest.test.ts']
    const printed = await run([vitest, ...args])
    expect(printed).toMatch(/Tests +5 passed \(5\)/)
  })

  it('passes in node:test', async () => {
    const printed = await run([
      '--test',
      '--test-timeout=10000',
      '--test-reporter=tap',
      'node.test.ts',
    ])
    expect(printed).toContain('# pass 5\n# fail 0\n')
  })
})
