import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { request } from '../support/client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { connect, type TestServer } from './queue.ts'
import type { Service } from './service.ts'

/** One server, and the web and worker processes of the tests on it. */
export interface Programs extends ReturnType<typeof connect> {
  readonly service: Service
  readonly startWeb: (env?: Record<string, string>) => Promise<ServerProcess>
  readonly startWorker: (env?: Record<string, string>) => Promise<ServerProcess>
  /** The ids of the jobs that have run, in order, with how their response had ended. */
  readonly records: () => { id: string; outcome: string }[]
  /** Whether the jobs of all these ids have run. */
  readonly haveRun: (ids: readonly string[]) => boolean
  /** Whether no job is left to run. */
  readonly isIdle: () => Promise<boolean>
  readonly stop: () => Promise<void>
}

export async function startPrograms({ server, start }: TestServer): Promise<Programs> {
  const service = await start()
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-jobs-'))
  const file = join(folder, 'records')
  const started: ServerProcess[] = []
  const program = async (name: string, env: Record<string, string>): Promise<ServerProcess> => {
    const path = fileURLToPath(new URL(name, import.meta.url))
    const child = await startServer([process.execPath, path], {
      env: { SERVER: server, SERVER_PORT: String(service.port), RECORDS: file, ...env },
    })
    started.push(child)
    return child
  }
  const records: Programs['records'] = () => {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    // What is behind the last line break may not be written yet.
    const lines = text.split('\n').slice(0, -1)
    return lines.map((line) => {
      const [id = '', outcome = ''] = line.split(' ')
      return { id, outcome }
    })
  }
  const connected = connect(server, service.port)
  const queue = connected.openQueue('jobs')
  return {
    ...connected,
    service,
    startWeb: (env = {}) => program('web.ts', { GRACE: '2000', ...env }),
    startWorker: (env = {}) => program('worker.ts', { GRACE: '2000', ...env }),
    records,
    haveRun: (ids) => {
      const ran = new Set(records().map(({ id }) => id))
      return ids.every((id) => ran.has(id))
    },
    isIdle: async () => {
      const counts = await queue.getJobCounts('active', 'delayed', 'prioritized', 'waiting')
      return Object.values(counts).every((count) => count === 0)
    },
    stop: async () => {
      await queue.close()
      await Promise.all(started.map((child) => child.stop()))
      await service.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** What the clients of one load were told about their requests, by id. */
export interface Answers {
  readonly accepted: string[]
  readonly refused: string[]
  /** The connection broke before an answer was whole. */
  readonly unanswered: string[]
}

interface LoadOptions {
  readonly port: number
  /** Of the ids, which go on with a number. */
  readonly prefix: string
  /** Asked before each request. */
  readonly isOver: (answers: Answers) => boolean
}

/**
 * Sends requests over eight connections at a time until `isOver`, and notes what came back. Throws
 * on anything but a 202 and a 503 that says why.
 */
export async function load(options: LoadOptions): Promise<Answers> {
  const { port, prefix, isOver } = options
  const answers: Answers = { accepted: [], refused: [], unanswered: [] }
  let sent = 0
  const client = async (): Promise<void> => {
    while (!isOver(answers)) {
      const id = `${prefix}-${(sent += 1)}`
      const answer = await request({ port, path: `/record?id=${id}` }).catch(() => undefined)
      if (answer === undefined || !answer.complete) answers.unanswered.push(id)
      else if (answer.status === 202) answers.accepted.push(id)
      else if (
        answer.status === 503 &&
        String(answer.body).startsWith('Cannot add jobs.record: ')
      ) {
        answers.refused.push(id)
        await sleep(50)
      } else throw new Error(`${id} was answered ${answer.status}: ${answer.body}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  return answers
}

/** Resolves when the check holds. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  timeout = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeout
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeout} ms: ${check}`)
    await sleep(50)
  }
}

/** Numbers from 0 up to 1, the same for the same seed: so that a failure can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    // https://en.wikipedia.org/wiki/Linear_congruential_generator, the numbers of Numerical Recipes
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
