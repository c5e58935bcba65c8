import { isWorker } from '../hosts/workers.ts'

let waiting: (() => void)[] = []
let wake: (() => void) | undefined
park()

/** Runs the function in the async context of this module, before the next macrotask. */
export function outside(job: () => void): void {
  // There a promise of one request must not serve another one.
  if (isWorker) job()
  else if (waiting.push(job) === 1) wake?.()
}

function park(): void {
  void new Promise<void>((resolve) => (wake = resolve)).then(() => {
    const due = waiting
    waiting = []
    park()
    for (const job of due) job()
  })
}
