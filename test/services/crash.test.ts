import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { request, send } from '../support/client.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { type Answers, eventually, load, type Programs, seeded, startPrograms } from './programs.ts'
import { servers } from './queue.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`SEED=${seed}`)

describe.each(servers)('durable() on $name, when a process is killed', (server) => {
  let programs: Programs
  beforeEach(async () => {
    programs = await startPrograms(server)
  })
  afterEach(() => programs.stop())

  const ran = (): string[] => programs.records().map(({ id }) => id)

  it('runs the job of every request that was answered 202, once, when the web process dies', async () => {
    const random = seeded(seed)
    const answers: Answers[] = []
    for (const round of ['a', 'b', 'c']) {
      answers.push(await killAmidLoad(await programs.startWeb(), round, random))
    }
    const accepted = answers.flatMap((round) => round.accepted)
    const unanswered = answers.flatMap((round) => round.unanswered)
    expect(answers.flatMap((round) => round.refused)).toEqual([])
    expect(accepted.length).toBeGreaterThan(4)

    await programs.startWorker()
    await eventually(() => programs.haveRun(accepted))
    // What the clients have not heard of may run or not, but nothing twice, and nothing else.
    await eventually(() => programs.isIdle())
    expect(ran().length).toBe(new Set(ran()).size)
    expect([...accepted, ...unanswered]).toEqual(expect.arrayContaining(ran()))
  })

  it('runs a job whose response was cut off in the middle when its grace is over', async () => {
    const web = await programs.startWeb()
    const exchange = await send({ port: web.port, path: '/endless?id=cut' })
    await exchange.received('HTTP/1.1 202 Accepted'.length)
    await web.stop('SIGKILL')
    await programs.startWorker()
    await eventually(() => programs.records().length > 0)
    expect(programs.records()).toEqual([{ id: 'cut', outcome: 'undefined' }])
  })

  it('runs a job again when its worker dies in the middle of it', async () => {
    const web = await programs.startWeb()
    const { status } = await request({ port: web.port, path: '/stick?id=mid' })
    expect(status).toBe(202)
    const worker = await programs.startWorker({ STUCK: 'yes' })
    await worker.until((events) => events.some(({ type }) => type === 'started'))
    await worker.stop('SIGKILL')
    expect(programs.records()).toEqual([])
    await programs.startWorker()
    await eventually(() => programs.records().length > 0)
    expect(programs.records()).toEqual([{ id: 'mid', outcome: 'again' }])
  })

  it('runs a job again when a second and a third worker die in the middle of it', async () => {
    const web = await programs.startWeb()
    const { status } = await request({ port: web.port, path: '/stick?id=mid' })
    expect(status).toBe(202)
    for (let deaths = 0; deaths < 3; deaths += 1) {
      const worker = await programs.startWorker({ STUCK: 'yes' })
      await worker.until((events) => events.some(({ type }) => type === 'started'))
      await worker.stop('SIGKILL')
    }
    await programs.startWorker()
    await eventually(() => programs.records().length > 0)
    expect(programs.records()).toEqual([{ id: 'mid', outcome: 'again' }])
  })

  it('runs every job at least once when web and worker processes die in turn', async () => {
    const random = seeded(seed + 1)
    const accepted: string[] = []
    for (const round of ['a', 'b', 'c']) {
      const [web, worker] = await Promise.all([programs.startWeb(), programs.startWorker()])
      const [answers] = await Promise.all([
        killAmidLoad(web, round, random),
        sleep(random() * 300).then(() => worker.stop('SIGKILL')),
      ])
      accepted.push(...answers.accepted)
    }
    await programs.startWorker()
    await eventually(() => programs.haveRun(accepted))
  })
})

/** Kills the process a few milliseconds after a number of 202s, amid further requests. */
async function killAmidLoad(
  web: ServerProcess,
  prefix: string,
  random: () => number,
): Promise<Answers> {
  const answersBefore = 1 + Math.floor(random() * 200)
  const delay = random() * 10
  let killed: Promise<void> | undefined
  const answers = await load({
    port: web.port,
    prefix,
    isOver: ({ accepted }) => {
      if (accepted.length >= answersBefore) {
        killed ??= sleep(delay).then(() => web.stop('SIGKILL'))
      }
      return web.child.signalCode !== null
    },
  })
  await killed
  return answers
}
