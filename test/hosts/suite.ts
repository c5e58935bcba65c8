import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Case, Measured } from './cases/case.ts'
import { connections } from './cases/connections.ts'
import { disconnects } from './cases/disconnects.ts'
import { exchanges } from './cases/exchanges.ts'
import { ignoredUpgrade, realUpgrade } from './cases/upgrade.ts'
import { expected, settle } from './differences.ts'
import { HostServer } from './host-server.ts'
import { type HostName, type HostUnderTest, hosts } from './hosts.ts'
import { type Results, writeResults } from './results.ts'

/** Runs every case on one host, in each of its runtimes, and writes down what was measured. */
export function testHost(name: HostName): void {
  const host: HostUnderTest = hosts[name]
  const results: Results = { title: host.title, runtimes: [], measured: {} }

  describe.each(host.runtimes)(`${host.title}, $name`, (runtime) => {
    let server: HostServer
    const isNewest = runtime === host.runtimes.at(-1)

    beforeAll(async () => {
      server = await HostServer.start(host, runtime)
      results.runtimes.push(await server.version())
    })

    afterAll(async () => {
      await server.stop()
    })

    const cases = [
      ...exchanges,
      ...disconnects,
      ...connections,
      host.hasUpgrade === true ? realUpgrade : ignoredUpgrade,
    ]
    it.each(cases.filter(({ isLarge }) => isNewest || isLarge !== true))(
      'answers as without tasks, and runs them once, after it: $name',
      async (each) => {
        const measured = await measure(server, each)
        if (isNewest) results.measured[each.name] = measured
        expect(measured).toEqual(expectedForms(each))
      },
    )

    it('has started no task twice', async () => {
      expect(await server.repeated('task-start')).toEqual([])
    })
  })

  afterAll(() => writeResults(name, results))

  function expectedForms(each: Case): Record<string, Measured | string> {
    return Object.fromEntries(
      each.forms.map((form) => [form, expected(name, each.name, form, each.standard)]),
    )
  }

  async function measure(
    server: HostServer,
    each: Case,
  ): Promise<Record<string, Measured | string>> {
    const measured: Record<string, Measured | string> = {}
    for (const form of each.forms) {
      const wanted = expected(name, each.name, form, each.standard)
      measured[form] =
        typeof wanted === 'string'
          ? wanted
          : settle(name, each.name, form, await each.measure(server, form))
    }
    return measured
  }
}
