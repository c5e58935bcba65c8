import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Answers, eventually, load, type Programs, startPrograms } from './programs.ts'
import { servers } from './queue.ts'
import { startRedis } from './redis.ts'

/** Longer than the outage, so that what was refused during it can be taken back in time. */
const grace = '9000'

let programs: Programs
afterEach(() => programs.stop())

describe.each(servers)('durable() on $name, when that is down for five seconds', (server) => {
  beforeEach(async () => {
    programs = await startPrograms(server)
  })

  it('answers each request with 202 or 503, and runs the job of each 202 and of no 503', async () => {
    const { crash, start } = programs.service
    const { accepted, refused, unanswered } = await loadWhileAway(crash, start)
    expect(unanswered).toEqual([])
    await expectRun(accepted, refused)
  })
})

describe('durable() on Redis, when that does not answer for five seconds', () => {
  beforeEach(async () => {
    programs = await startPrograms({ server: 'redis', start: startRedis })
  })

  it('waits, and accepts every request', async () => {
    const { freeze, thaw } = programs.service
    const { accepted, refused, unanswered } = await loadWhileAway(freeze, thaw)
    expect([...refused, ...unanswered]).toEqual([])
    await expectRun(accepted, [])
  })

  it('refuses what is not stored within `storeTimeout`, and takes it back', async () => {
    const { freeze, thaw } = programs.service
    const { accepted, refused } = await loadWhileAway(freeze, thaw, { STORE_TIMEOUT: '500' })
    expect(refused.length).toBeGreaterThan(8)
    await expectRun(accepted, refused)
  })
})

/** Sends requests until a few are accepted, during an outage, and until a few more are accepted. */
async function loadWhileAway(
  leave: () => unknown,
  back: () => unknown,
  env: Record<string, string> = {},
): Promise<Answers> {
  const [web] = await Promise.all([
    programs.startWeb({ GRACE: grace, ...env }),
    programs.startWorker({ GRACE: grace }),
  ])
  const away = async (): Promise<void> => {
    await leave()
    await sleep(5000)
    await back()
  }
  let outage: Promise<void> | undefined
  let enough = Infinity
  const answers = await load({
    port: web.port,
    prefix: 'id',
    isOver: ({ accepted }) => {
      if (accepted.length >= 16) {
        outage ??= away().then(() => {
          enough = accepted.length + 16
        })
      }
      return accepted.length >= enough
    },
  })
  await outage
  return answers
}

async function expectRun(accepted: readonly string[], refused: readonly string[]): Promise<void> {
  await eventually(() => programs.haveRun(accepted))
  await eventually(() => programs.isIdle())
  const ran = new Set(programs.records().map(({ id }) => id))
  expect(refused.filter((id) => ran.has(id))).toEqual([])
}
