// Taken once: a test that fakes the timers of its own code must not stop the tasks.
const { setTimeout } = globalThis
const macrotask = findMacrotask()

/**
 * Calls `job` in a later macrotask, but one: Node writes the last frames of HTTP/2 in the turn after
 * the one that has made them, so a blocking task would hold them back; and a client in this process
 * reads then.
 */
export function later(job: () => void): void {
  macrotask(() => void macrotask(job))
}

/** `setImmediate`, unless it is missing, or there to throw when it is called. */
function findMacrotask(): (job: () => void) => unknown {
  try {
    globalThis.clearImmediate(globalThis.setImmediate(() => {}))
    return globalThis.setImmediate
  } catch {
    return setTimeout
  }
}
