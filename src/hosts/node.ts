import type { Exchange } from '../response/exchange.ts'
import type { Runtime } from '../response/runtime.ts'
import { isObject } from '../util/checks.ts'

const { process } = globalThis as { process?: { readonly versions?: { readonly undici?: string } } }

export const node: Runtime = {
  decoded: decodedByUndici(Number.parseInt(process?.versions?.undici ?? '') >= 7),
  tellsCancel: true,
}

function decodedByUndici(hasZstd: boolean): RegExp {
  const coding = `(x-gzip|gzip|deflate|br${hasZstd ? '|zstd' : ''})`
  return new RegExp(`^${coding}( *, *${coding})*$`, 'i')
}

/** The part of a Node response used here, of `node:http` and of `node:http2`. */
export interface NodeResponse {
  /** Not on HTTP/2. */
  readonly closed?: boolean
  readonly writableFinished: boolean
  readonly errored?: Error | null
  /** Only on HTTP/2. */
  readonly stream?: {
    readonly destroyed: boolean
    readonly rstCode?: number | undefined
    readonly errored?: Error | null
  }
  on(event: 'finish' | 'close', listener: () => void): this
}

export function isNodeResponse(value: unknown): value is NodeResponse {
  return (
    isObject(value) &&
    'writableFinished' in value &&
    typeof value.writableFinished === 'boolean' &&
    'on' in value &&
    typeof value.on === 'function'
  )
}

/** Tells the exchange how the response ended. */
export function observeNode(response: NodeResponse, exchange: Exchange): void {
  const { stream } = response
  // Heard, not asked for at the end: before Node 24 one that was ended and then cut says yes.
  let isFinished = response.writableFinished
  const tell = (): void => {
    const error = response.errored ?? stream?.errored
    // On HTTP/2 a response that was cut counts as finished too: only its code tells.
    if (isFinished && !stream?.rstCode) exchange.end('closed')
    else if (error) exchange.end('errored', error)
    else exchange.end('cancelled', new DOMException('The client went away', 'AbortError'))
  }
  if (response.closed ?? stream?.destroyed) tell()
  else response.on('finish', () => (isFinished = true)).on('close', tell)
}
