import { Exchange } from '../../src/response/exchange.ts'
import type { Outcome } from '../../src/response/outcome.ts'

/** An exchange that shows the end it was told, the first: it alone counts. */
export class WatchedExchange extends Exchange {
  readonly ends: unknown[][] = []

  override end(outcome: Outcome, reason?: unknown): void {
    if (this.ends.length === 0) this.ends.push([outcome, reason])
    super.end(outcome, reason)
  }
}
