import { hold, type WaitUntilHost } from '../hosts/wait-until.ts'
import { outside } from '../tasks/outside.ts'
import { registry, whenIdle } from '../tasks/registry.ts'
import { later } from '../util/later.ts'

/** The adapters that wait for the end of this busy period, by their `waitUntil`. */
const waiting = new Set<unknown>()
let idle: Promise<void> | undefined

/**
 * Lets an adapter wait, when it closes, until no handler, no response with tasks and no task is left.
 * It is given one promise for all requests of a busy period: one for each would be felt.
 */
export function holdWhileBusy(adapter: WaitUntilHost | undefined): void {
  const waitUntil: unknown = adapter?.waitUntil
  if (adapter === undefined || waiting.has(waitUntil)) return
  waiting.add(waitUntil)
  const ended = (idle ??= new Promise((resolve) => outside(() => void endWhenIdle(resolve))))
  hold((promise) => adapter.waitUntil(promise), { ended })
}

/** Under load nothing is left for a moment between two requests: that is no end. */
async function endWhenIdle(resolve: () => void): Promise<void> {
  do {
    if (registry.inFlight.items.length > 0) await whenIdle()
    await new Promise<void>(later)
  } while (registry.inFlight.items.length > 0)
  waiting.clear()
  idle = undefined
  resolve()
}
