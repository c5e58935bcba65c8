/** The way with a queue: what waits or runs is in Redis, and a worker in a process of its own. */
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobState } from 'bullmq'
import type { Job, Way } from './job.ts'
import { type Progress, readProgress } from './progress.ts'
import { close, queue } from './two-processes.ts'

// For the next start too: what was accepted and not yet compressed is still there.
const folder = join(tmpdir(), 'background-tasks-uploads')

const states: Readonly<Partial<Record<JobState | 'unknown', Job['state']>>> = {
  active: 'running',
  completed: 'done',
  failed: 'failed',
}

export const inQueue: Way = {
  name: 'bullmq',
  title: 'in a queue, by another process',
  lesson: 'The work is in another process, and the server answers as fast as before.',
  lost: 'What was accepted is in Redis. If the server or the worker dies, nothing is lost: start it again, and within half a minute the upload is compressed, at least once.',
  folder,
  find,
  close: async () => {
    const left = await close()
    if (left === 0) await rm(folder, { recursive: true })
    else console.log(`${left} of the uploads are left in the queue, for the next start`)
  },
}

// #region status
/** BullMQ keeps what has ended for as long as `removeOnComplete` and `removeOnFail` say. */
async function find(id: string): Promise<Job | undefined> {
  const job = await queue.getJob(id)
  if (job === undefined) return undefined
  const upload: string = job.data.args[0]
  return {
    folder: upload,
    // Before its response has ended a job is delayed.
    state: states[await job.getState()] ?? 'waiting',
    progress: isProgress(job.progress) ? job.progress : await readProgress(upload),
  }
}
// #endregion

/** Before the worker has told any, it is 0. */
function isProgress(progress: object | number | string | boolean): progress is Progress {
  return typeof progress === 'object' && 'done' in progress
}
