import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach } from 'vitest'

/** The threads that each test of this file has started; they end with it. */
export function watchThreads(): readonly Worker[] {
  const workers: Worker[] = []
  const remember = (worker: Worker): unknown => workers.push(worker)
  beforeEach(() => {
    process.on('worker', remember)
  })
  afterEach(async () => {
    process.off('worker', remember)
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
  })
  return workers
}
