import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, load, type Programs, startPrograms } from './programs.ts'
import { servers } from './queue.ts'

const fiveSeconds = 5000

describe.each(servers)('durable() on $name, when the server is away for five seconds', (server) => {
  let programs: Programs
  beforeEach(async () => {
    programs = await startPrograms(server)
  })
  afterEach(() => programs.stop())

  const ran = (): string[] => programs.records().map(({ id }) => id)

  it('answers every request with a 202 or a 503, and runs the job of every 202', async () => {
    const { service } = programs
    const [web] = await Promise.all([
      programs.startWeb({ GRACE: '30000' }),
      programs.startWorker({ GRACE: '30000' }),
    ])
    const outage = away(service.crash, service.start)
    let isOver = false
    void outage.then(() => (isOver = true))
    const { accepted, refused, unanswered } = await load({
      port: web.port,
      prefix: 'r',
      isOver: () => isOver,
    })
    await outage
    expect(unanswered).toEqual([])
    await eventually(() => accepted.every((id) => ran().includes(id)))
    console.log(server.name, accepted.length, refused.length)
    await eventually(() => programs.isIdle())
    expect(refused.filter((id) => ran().includes(id))).toEqual([])
  })
})

async function away(leave: () => unknown, back: () => unknown): Promise<void> {
  await sleep(500)
  await leave()
  await sleep(fiveSeconds)
  await back()
  await sleep(500)
}
