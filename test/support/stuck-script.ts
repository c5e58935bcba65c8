/**
 * Answers 10,000 requests, each in an async context of 1 MiB, and prints how much of that is still
 * held at most when a batch of them has ended: `node --expose-gc stuck-script.ts <kind> [instrument]`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { BackgroundTasks, drain, instrument } from '../../src/index.ts'

const requests = 10_000
const batch = 250
const contexts = new AsyncLocalStorage<Uint8Array>()

/** What a module may hold that waits for something which never comes. */
const sharedNever = new Promise<void>(() => {})
const kinds: Record<string, () => unknown> = {
  /** A task that never settles. */
  own: () => new Promise<void>(() => {}),
  shared: () => sharedNever,
  /** A response that nobody reads. */
  unread: () => {},
}

const [kind = '', option] = process.argv.slice(2)
if (option === 'instrument') instrument((_, run) => run())

/** Ends with what the task's result says of its end. */
function answer(): Promise<string> {
  const list = new BackgroundTasks([], { timeout: 10, onError: () => {} })
  const task = kinds[kind]
  if (task !== undefined) list.addTask(task)
  const response = list.wrap(new Response('answered'), { unreadTimeout: 10 })
  if (kind !== 'unread') void response.text()
  return list.finished.then(([result]) =>
    result?.error instanceof DOMException ? result.error.name : String(result?.outcome),
  )
}

const ends = new Set<string>()
let held = 0
for (let answered = 0; answered < requests; answered += batch) {
  const ended = Array.from({ length: batch }, () =>
    contexts.run(Buffer.allocUnsafeSlow(2 ** 20), answer),
  )
  // The timers of unread responses keep no process alive.
  await drain()
  for (const end of await Promise.all(ended)) ends.add(end)
  await new Promise((resolve) => setImmediate(resolve))
  globalThis.gc?.()
  held = Math.max(held, process.memoryUsage().arrayBuffers)
}
console.log(JSON.stringify({ requests, ends: [...ends], heldMiB: Math.round(held / 2 ** 20) }))
