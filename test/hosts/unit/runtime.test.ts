import { describe, expect, it } from 'vitest'
import { node } from '../../../src/hosts/node.ts'
import { runtime } from '../../../src/hosts/runtime.ts'
import { loadOn } from '../../support/load-on.ts'

async function load() {
  const [hosts, bun, deno, workers] = await Promise.all([
    import('../../../src/hosts/runtime.ts'),
    import('../../../src/hosts/bun.ts'),
    import('../../../src/hosts/deno.ts'),
    import('../../../src/hosts/workers.ts'),
  ])
  return { runtime: hosts.runtime, bun: bun.bun, deno: deno.deno, workers: workers.workers }
}

describe('runtime', () => {
  it('is Node here', () => {
    expect(runtime).toBe(node)
  })

  it.each<['bun' | 'deno' | 'workers', object]>([
    ['bun', { Bun: {} }],
    ['deno', { Deno: {} }],
    ['workers', { navigator: { userAgent: 'Cloudflare-Workers' } }],
  ])('is that of the process: %s', async (name, globals) => {
    const there = await loadOn({ ...globals }, load)
    expect(there.runtime).toBe(there[name])
  })
})
