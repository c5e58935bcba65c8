/** Something to run later, without a closure for it. */
export interface Job {
  run(): void
}

// Taken once: a test that fakes the timers of its own code must not stop the tasks.
const { setTimeout } = globalThis
// The edge runtime of Next.js and Vercel has one that throws.
const later: (callback: () => void) => unknown =
  'EdgeRuntime' in globalThis ? setTimeout : (globalThis.setImmediate ?? setTimeout)
let jobs: Job[] = []

/**
 * Whether this is a Worker: there a request's timers and promises die with it and must not serve
 * another one.
 */
export const isWorker: boolean = globalThis.navigator?.userAgent === 'Cloudflare-Workers'

/** Runs the job in a later macrotask, all jobs of one turn in the same one. */
export function nextMacrotask(job: Job): void {
  if (isWorker) setTimeout(() => job.run(), 0)
  else if (jobs.push(job) === 1) later(flush)
}

// One macrotask is not enough: Node writes the last frames of HTTP/2 in the turn after the one that
// has made them, so a blocking task would hold them back; and a client in this process reads then.
function flush(): void {
  const due = jobs
  jobs = []
  later(() => {
    for (const job of due) job.run()
  })
}

let attach: (() => void)[] = []
let wake: (() => void) | undefined
park()

/** Runs the function in the async context of this module, before the next macrotask. */
export function outside(job: () => void): void {
  if (isWorker) job()
  else if (attach.push(job) === 1) wake?.()
}

function park(): void {
  void new Promise<void>((resolve) => (wake = resolve)).then(() => {
    const due = attach
    attach = []
    park()
    for (const job of due) job()
  })
}
