import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Case, Measured } from './cases/case.ts'
import { clones } from './cases/clones.ts'
import { connections } from './cases/connections.ts'
import { disconnects } from './cases/disconnects.ts'
import { downloads } from './cases/downloads.ts'
import { exchanges } from './cases/exchanges.ts'
import { lostConnections } from './cases/lost-connections.ts'
import { pipelines } from './cases/pipelines.ts'
import { resets } from './cases/resets.ts'
import { ignoredUpgrade, realUpgrade } from './cases/upgrade.ts'
import { http2 } from './clients.ts'
import { expected, settle } from './differences.ts'
import { type Form, HostServer } from './host-server.ts'
import { type HostName, type HostUnderTest, hosts } from './hosts.ts'
import { runExample } from './run-example.ts'
import { type Results, writeResults } from './results.ts'
import { hostRow, readTables, unpadded } from './tables.ts'

/** Runs every case on one host, in each of its runtimes, and writes down what was measured. */
export function testHost(name: HostName): void {
  const host: HostUnderTest = hosts[name]
  const results: Results = { title: host.title, runtimes: [], untouched: {}, measured: {} }

  describe.each(host.runtimes)(`${host.title}, $name`, (runtime) => {
    let server: HostServer
    const silent: string[] = []
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
      ...downloads,
      ...clones,
      ...lostConnections,
      ...(host.hasQueue === true ? pipelines : []),
      ...(host.client === http2 ? resets : []),
      ...connections,
      host.hasUpgrade === true ? realUpgrade : ignoredUpgrade,
    ].map((each) => ({ ...each, forms: formsOf(host, each) }))
    it.each(cases.filter(({ isLarge }) => isNewest || isLarge !== true))(
      'answers as without tasks, and runs them once, after it: $name',
      async (each) => {
        const measured = await measure(server, each, silent)
        if (isNewest) results.measured[each.name] = measured
        expect(measured).toEqual(expectedForms(each))
      },
    )

    it('leaves the bodies that it can untouched', async () => {
      results.untouched.string = await isUntouched(server, 'string')
      results.untouched.stream = await isUntouched(server, 'stream')
      expect(results.untouched.string || !results.untouched.stream).toBe(true)
    })

    if (isNewest && host.example !== undefined) {
      it('runs the program of the docs', async () => {
        const output = await runExample(host, runtime)
        expect(output).toContain('notification for ada@example.com: some notification')
      })
    }

    it('has nothing in flight when all has ended', async () => {
      expect(await leftInFlight(server, silent)).toEqual([])
    })

    it('has started no task twice, and none later where it counts as never started', async () => {
      expect(await server.repeated('task-start')).toEqual([])
      for (const id of silent) expect(await server.has('task-start', id)).toBe(false)
    })
  })

  afterAll(async () => {
    const isWhole = results.runtimes.length === host.runtimes.length
    if (isWhole) await writeResults(name, results)
  })

  it('does what the table of the docs says', async () => {
    expect(unpadded(await readTables())).toContain(unpadded(hostRow(results)))
  })

  function expectedForms(each: Case): Record<string, Measured | string> {
    return Object.fromEntries(
      each.forms.map((form) => [form, expected(name, each.name, form, each.standard)]),
    )
  }

  async function measure(
    server: HostServer,
    each: Case,
    silent: string[],
  ): Promise<Record<string, Measured | string>> {
    const measured: Record<string, Measured | string> = {}
    for (const form of each.forms) {
      const wanted = expected(name, each.name, form, each.standard)
      if (typeof wanted === 'string') measured[form] = wanted
      else if (wanted.outcome === 'no task')
        measured[form] = await silence(server, each, form, silent)
      else measured[form] = settle(name, each.name, form, await each.measure(server, form))
    }
    return measured
  }
}

function formsOf({ forms }: HostUnderTest, each: Case): readonly Form[] {
  return each.forms.filter((form) => forms?.some((one) => one === form) ?? true)
}

/** What is measured where the task never starts: nothing, and `silent` gets the ids to look at again. */
async function silence(
  server: HostServer,
  { measure }: Case,
  form: Form,
  silent: string[],
): Promise<Measured> {
  const from = server.sent.length
  const measuring = measure(server, form)
  // It waits for the task for longer than this does.
  measuring.catch(() => {})
  const measured = await Promise.race([measuring, server.silence()])
  silent.push(...server.sent.slice(from))
  return measured
}

/** What stays in flight: a host has its turns to see that the last client is gone. */
async function leftInFlight(server: HostServer, silent: readonly string[]): Promise<string[]> {
  let left: string[] = []
  for (let turn = 0; turn < 100; turn += 1) {
    left = (await server.inFlight()).filter((id) => !silent.includes(id))
    if (left.length === 0) break
    await server.turns(1)
  }
  return left
}

async function isUntouched(server: HostServer, caseName: string): Promise<boolean> {
  const { id, exchange } = await server.send('with', caseName)
  await server.open(`${id}/source`)
  await exchange.response
  exchange.destroy()
  return (await server.until('answered', id))['untouched'] === true
}
