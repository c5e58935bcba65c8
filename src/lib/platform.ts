/** Something to run, without a closure for it. */
export interface Job {
  run(): void
}

// Taken once: a test that fakes the timers of its own code must not stop the tasks.
const { setTimeout } = globalThis
let jobs: Job[] = []

/** Runs the job in a later macrotask, all jobs of one turn in the same one. */
export function nextMacrotask(job: Job): void {
  if (jobs.push(job) === 1) setTimeout(runJobs, 0)
}

function runJobs(): void {
  const due = jobs
  jobs = []
  for (const job of due) job.run()
}

/** Whether a timer may serve several requests. */
export const canShareTimers: boolean = true

/** The `waitUntil` that needs no argument of the handler. */
export const waitUntil: ((promise: Promise<unknown>) => void) | undefined = undefined

/** The body to send in the place of `body`. */
export function withContentLength(body: ReadableStream, _headers: Headers): ReadableStream {
  return body
}

/** Whether the host sends the `content-encoding` of a fetched response over its decoded bytes. */
export const sendsDecoded: boolean = true
