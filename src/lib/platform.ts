/** Something to run, without a closure for it. */
export interface Job {
  run(): void
}

// Taken once: a test that fakes the timers of its own code must not stop the tasks.
const { setTimeout } = globalThis
// The edge runtime of Next.js and Vercel has one that throws.
const setImmediate: (callback: () => void) => unknown =
  'EdgeRuntime' in globalThis ? setTimeout : (globalThis.setImmediate ?? setTimeout)
let jobs: Job[] = []

/** Runs the job in a later macrotask, all jobs of one turn in the same one. */
export function nextMacrotask(job: Job): void {
  if (jobs.push(job) === 1) setTimeout(flush, 0)
}

// One macrotask is not enough: Node writes the last frames of HTTP/2 in the turn after the one that
// has made them, so a blocking task would hold them back.
function flush(): void {
  const due = jobs
  jobs = []
  setImmediate(() => {
    for (const job of due) job.run()
  })
}

/** Whether a timer may serve several requests. */
export const canShareTimers: boolean = true

/** The `waitUntil` that needs no argument of the handler. */
export const waitUntil: ((promise: Promise<unknown>) => void) | undefined = undefined

/** How long the body is, where its replacement can say so. */
export function lengthOf(_body: ReadableStream): bigint | undefined {
  return undefined
}

/** Whether the host drops a body without a word when its client goes away. */
export const dropsReaders: boolean = false

/** Whether the host sends the `content-encoding` of a fetched response over its decoded bytes. */
export const sendsDecoded: boolean = true

let attach: (() => void)[] = []
let wake: (() => void) | undefined
park()

/** Runs the function in the async context of this module, before the next macrotask. */
export function outside(job: () => void): void {
  if (attach.push(job) === 1) wake?.()
}

function park(): void {
  void new Promise<void>((resolve) => (wake = resolve)).then(() => {
    const due = attach
    attach = []
    park()
    for (const job of due) job()
  })
}
