/** The part of Node's response used here. */
export interface NodeResponse {
  on(event: 'finish' | 'close', listener: () => void): unknown
}

/**
 * The floor of all hosts on Node. A continuation keeps the async context of the handler: it takes half a
 * microsecond, where `AsyncLocalStorage.snapshot()` takes five. Without `finish`, a client that went
 * away would look like one that has it all.
 */
export function runAfter(
  response: NodeResponse | undefined,
  run: (outcome: string) => unknown,
): void {
  const { promise, resolve } = Promise.withResolvers<string>()
  void promise.then(run)
  let outcome = 'cancelled'
  response?.on('finish', () => (outcome = 'closed'))
  response?.on('close', () => setImmediate(resolve, outcome))
}

/** For a `waitUntil`: a task that runs in a later macrotask, whatever the response does. */
export function later(run: () => unknown): Promise<unknown> {
  return new Promise((resolve) => setImmediate(resolve)).then(run)
}
