/** The two ways that need no queue: what waits or runs is in the memory of this process. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { inFlight } from 'background-tasks'
import type { Job, Way } from './job.ts'
import { readProgress } from './progress.ts'

const prefix = 'background-tasks-uploads-'
const folder = join(tmpdir(), `${prefix}${process.pid}`)

removeLeftovers()

const lost =
  'What waits or runs is in the memory of the server. If the process dies, it is lost: the client has its 202, and nothing will come of it. Ctrl-C and SIGTERM lose nothing: drain() waits for ten seconds.'

const inMemory = { lost, folder, find, close: async () => rmSync(folder, { recursive: true }) }

export const inProcess: Way = {
  ...inMemory,
  name: 'in-process',
  title: 'in process',
  lesson: 'While a part is compressed, nobody gets an answer: watch the server’s latency.',
}

export const onThread: Way = {
  ...inMemory,
  name: 'worker-thread',
  title: 'on a worker thread',
  lesson: 'The work is on another thread, and the server answers as fast as before.',
}

// #region status
/** What is not in flight has ended, and has left a result or has not. */
async function find(id: string): Promise<Job | undefined> {
  const upload = join(folder, basename(id))
  if (!existsSync(join(upload, 'progress.json'))) return undefined
  const task = inFlight().find(({ args }) => args?.[0] === upload)
  const ended = existsSync(join(upload, 'upload.gz')) ? 'done' : 'failed'
  const isWaiting = task?.status === 'pending'
  return {
    folder: upload,
    state: task === undefined ? ended : isWaiting ? 'waiting' : 'running',
    progress: await readProgress(upload),
  }
}
// #endregion

/** Of processes that were killed before they could clean up. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)$`).exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) {
      rmSync(join(tmpdir(), name), { recursive: true, force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
