import { carriedBy, Exchange } from '../response/exchange.ts'
import { isResponse } from '../response/is-response.ts'
import { observeBody } from '../response/observed-body.ts'
import type { ResponseHead } from '../response/outcome.ts'
import type { Host } from './host.ts'
import { runtime } from './runtime.ts'

/** What to send, and what tells how it ended. */
export interface Attached<Answer> {
  readonly exchange: Exchange
  readonly sent: Answer
}

/**
 * Finds or makes the exchange of what is answered on a host.
 *
 * @param head Of the answer, if that is no `Response`.
 */
export function attach<Answer>(
  answer: Answer,
  host: Host,
  head?: ResponseHead,
): Attached<Answer | Response> {
  const response = isResponse(answer) ? answer : undefined
  const { carrier } = host
  const ofResponse = carriedBy(response)
  // One that another signal tells of is that of another request: a response without a body may be a
  // constant.
  const isOurs = carrier === undefined || ofResponse?.isToldByHost !== true
  const exchange = carriedBy(carrier) ?? (isOurs ? ofResponse : undefined) ?? new Exchange()
  exchange.head = response ?? head
  const teller = exchange.isToldByHost ? undefined : host.teller?.(answer)
  if (teller !== undefined) {
    teller.tell(exchange)
    exchange.isToldByHost = true
    if (carrier !== undefined) exchange.isCarriedBy(carrier)
  }
  if (exchange.isToldByHost) return { exchange, sent: answer }
  const { request } = host
  // A host reads, cancels or ignores the body of a HEAD, and looking at it changes it.
  if (response === undefined || request?.method === 'HEAD') return untouched(exchange, answer, host)
  if (exchange.body !== undefined) {
    if (request?.signal !== undefined) exchange.body.listen(request.signal)
    return { exchange, sent: answer }
  }
  const { unreadTimeout } = host
  const sent = observeBody(response, exchange, runtime, { signal: request?.signal, unreadTimeout })
  if (sent === response) return untouched(exchange, answer, host)
  exchange.isCarriedBy(sent)
  exchange.head = sent
  return { exchange, sent }
}

/** Nothing tells the end of it, so it has come. */
function untouched<Answer>(exchange: Exchange, sent: Answer, { request }: Host): Attached<Answer> {
  // Frameworks answer a request whose client has left with no body.
  const { aborted = false, reason } = request?.signal ?? {}
  exchange.end(aborted ? 'cancelled' : 'closed', reason)
  return { exchange, sent }
}
