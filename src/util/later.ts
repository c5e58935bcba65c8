// Taken once: a test that fakes the timers of its own code must not stop the tasks.
const { setTimeout } = globalThis
const immediate = findImmediate()
let jobs: (() => void)[] = []

/**
 * Calls `job` in a later macrotask, but one: Node writes the last frames of HTTP/2 in the turn after
 * the one that has made them, so a blocking task would hold them back; and a client in this process
 * reads then.
 */
export function later(job: () => void): void {
  // Where timers belong to a request, none may serve several.
  if (immediate === undefined) setTimeout(() => void setTimeout(job))
  else if (jobs.push(job) === 1) immediate(() => void immediate(flush()))
}

/** What is due: all jobs of one turn are run in the same one. */
function flush(): () => void {
  const due = jobs
  jobs = []
  return () => {
    for (const job of due) job()
  }
}

/** `setImmediate`, unless it is missing, or throws, as outside of a request or where it is a stub. */
function findImmediate(): ((job: () => void) => unknown) | undefined {
  try {
    globalThis.clearImmediate(globalThis.setImmediate(() => {}))
    return globalThis.setImmediate
  } catch {
    return undefined
  }
}
