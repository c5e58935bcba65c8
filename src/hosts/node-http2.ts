import type { Exchange } from '../response/exchange.ts'
import { startTimer } from '../util/timers.ts'

/** The part of a stream of `node:http2` used here. */
export interface NodeHttp2Stream {
  readonly destroyed: boolean
  readonly closed?: boolean
  readonly aborted?: boolean
  readonly errored?: (Error & { readonly code?: unknown }) | null
  readonly writableFinished?: boolean
  /** False for a request with a body. */
  readonly endAfterHeaders?: boolean
  readonly writableLength?: number
  readonly session?: { readonly destroyed: boolean } | undefined
  readonly sentHeaders?: { readonly 'content-length'?: unknown }
  on?(event: 'aborted' | 'end' | 'finish', listener: () => void): this
}

/** Milliseconds that an answer which is out has, before its stream need not be waited for. */
const patience = 250

/** Tells the exchange how the response ended: its own `finish` and the code of its stream say nothing. */
export function observeHttp2(
  stream: NodeHttp2Stream,
  response: { on(event: 'close', listener: () => void): unknown },
  exchange: Exchange,
): void {
  const leave = (): void => exchange.end('cancelled', clientWentAway())
  const handle = handleOf(stream)
  // Gone when the stream is closed. Its streams are given the error of the connection.
  const { session } = stream
  let hasSentAll = false
  const tell = (): void => {
    const { errored } = stream
    // Before the head is sent the source has not been asked for anything.
    const isOfHttp2 = /^(ERR_HTTP2_|ECANCELED$)/.test(String(errored?.code))
    const isOfSource = stream.sentHeaders && !session?.destroyed && !isOfHttp2
    if (hasSentAll || (stream.writableFinished && !stream.aborted)) exchange.end('closed')
    else if (errored && isOfSource) exchange.end('errored', errored)
    else leave()
  }
  if (stream.destroyed || stream.closed) {
    tell()
    return
  }
  response.on('close', tell)
  // A client that knows the length resets the stream on the last byte, before the source is done.
  stream.on?.('aborted', () => {
    const length = Number(stream.sentHeaders?.['content-length'])
    hasSentAll = stream.writableLength === 0 && handle.bytesWritten >= length
  })
  // Before Node 26 all that is told of a reset without an error, while the last bytes wait.
  stream.on?.('end', () => {
    if (stream.closed && !stream.writableFinished) leave()
  })
  // One that has answered while its client uploads closes with the upload, whenever that may be.
  if (stream.endAfterHeaders !== false) return
  stream.on?.('finish', () => {
    startTimer(() => {
      if (!stream.aborted) exchange.end('closed')
    }, patience)
  })
}

export function clientWentAway(): DOMException {
  return new DOMException('The client went away', 'AbortError')
}

/** It alone counts the bytes that are out, and does so when the stream is gone. */
function handleOf(stream: object): { readonly bytesWritten: number } {
  const symbols = Object.getOwnPropertySymbols(stream)
  const key = symbols.find(({ description }) => description === 'kHandle')
  return (key && Reflect.get(stream, key)) ?? { bytesWritten: 0 }
}
