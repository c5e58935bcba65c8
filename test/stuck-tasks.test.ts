import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('support/stuck-script.ts', import.meta.url))

async function run(...args: string[]): Promise<unknown> {
  const command = ['--expose-gc', script, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, command)
  return JSON.parse(stdout)
}

/** At most two batches of the 40: that of the last requests, and one that is being collected. */
const bounded = expect.toSatisfy((heldMiB: number) => heldMiB <= 500)

describe('10,000 requests with 1 MiB of async context each', { timeout: 120_000 }, () => {
  const stuck = { requests: 10_000, ends: ['TimeoutError'], heldMiB: bounded }

  it('are released when their tasks never settle', async () => {
    expect(await run('own')).toEqual(stuck)
  })

  // What waited for that promise held the context of its request for ever.
  it.each([[], ['instrument']])(
    'are released when their tasks wait for the same promise, which never settles %s',
    async (...options) => {
      expect(await run('shared', ...options)).toEqual(stuck)
    },
  )

  it('are released when nobody reads their responses', async () => {
    expect(await run('unread')).toEqual({ requests: 10_000, ends: ['unread'], heldMiB: bounded })
  })
})
