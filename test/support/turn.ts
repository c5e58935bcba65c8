// Taken once: a test may fake them.
const { setTimeout, setImmediate } = globalThis

/**
 * Ends when all that was due has run, with what it made due: a task that is going to start without
 * waiting for anything has started. Timers of equal length fire in the order they were set.
 */
export async function turn(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 0))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Ends when the promises that are settled, and what continues from them, have been seen. */
export async function microtasks(): Promise<void> {
  for (let round = 0; round < 100; round += 1) await undefined
}
