import type { RawResponse } from '../support/client.ts'

/** One request under way, whatever the protocol. */
export interface Exchange {
  readonly response: Promise<RawResponse>
  /** Resolves when so much of the answer, its head included, has arrived. */
  readonly received: (bytes: number) => Promise<void>
  /** Resolves when the body, as far as it has arrived, ends with this. */
  readonly receivedText: (text: string) => Promise<void>
  readonly pause: () => void
  readonly resume: () => void
  /** The client goes away. */
  readonly destroy: () => void
  /** It breaks off: with a reset of the connection, on HTTP/2 of the stream, with this code. */
  readonly reset: (code?: number) => void
  /** It resets the connection, with all that is on it. */
  readonly breakOff: () => void
  /** It says that it sends no more, and reads on; on HTTP/2 that the session is to end. */
  readonly halfClose: () => void
}

export async function arrival(
  received: Exchange['received'],
  body: () => Buffer,
  text: string,
): Promise<void> {
  for (let bytes = 1; !String(body()).endsWith(text); bytes += 1) await received(bytes)
}
