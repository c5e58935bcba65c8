import type { Exchange } from '../response/exchange.ts'
import type { Runtime } from '../response/runtime.ts'
import { isObject } from '../util/checks.ts'
import { clientWentAway, type NodeHttp2Stream, observeHttp2 } from './node-http2.ts'

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
  readonly errored?: (Error & { readonly code?: unknown }) | null
  /** Null while it waits behind another one on its connection, and when it is finished. */
  readonly socket?: object | null
  readonly req?: { readonly socket?: NodeSocket | null }
  /** The head as it was sent, by whatever way that was set. */
  readonly _header?: string | null
  /** Only on HTTP/2. */
  readonly stream?: NodeHttp2Stream
  on(event: 'finish' | 'close', listener: () => void): this
}

interface NodeSocket {
  readonly destroyed: boolean
  readonly errored?: Error | null
  readonly bytesWritten: number
  on(event: 'close', listener: () => void): this
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
  if (stream === undefined) observeHttp1(response, exchange)
  else observeHttp2(stream, response, exchange)
}

function observeHttp1(response: NodeResponse, exchange: Exchange): void {
  const socket = response.req?.socket ?? undefined
  // Behind another one on its connection, or it never came to its turn.
  const isQueued = response.socket === null && !response.writableFinished
  const before = isQueued ? Number.NaN : socket?.bytesWritten
  const tell = (): void => {
    if (exchange.hasEnded) return
    // One that was queued is given the error of its connection.
    const { errored } = response
    const error = isQueued && errored?.code === 'ECONNRESET' ? undefined : errored
    if (error) exchange.end('errored', error)
    else if (hasSentAll(response, socket, before)) exchange.end('closed')
    else leave(exchange)
  }
  if (response.closed === true) {
    // One that was really finished has let go of its socket. The rest is told by both.
    if (response.writableFinished && !response.socket) exchange.end('closed')
    else tell()
    return
  }
  response
    .on('finish', () => {
      // Before Node 24 one that was ended and then cut finishes too.
      if (!isBroken(socket)) exchange.end('closed')
    })
    .on('close', tell)
  // Before Node 24 it tells nothing when its connection ends first.
  if (!isQueued || socket === undefined) return
  if (socket.destroyed) leave(exchange)
  else onSocketClose(socket, response, exchange)
}

function leave(exchange: Exchange): void {
  exchange.end('cancelled', clientWentAway())
}

function isBroken(socket: NodeSocket | undefined): boolean {
  return socket !== undefined && (socket.destroyed || Boolean(socket.errored))
}

/** A client that knows the length hangs up on the last byte, before the source says that it is done. */
function hasSentAll(
  { _header: head }: NodeResponse,
  socket: NodeSocket | undefined,
  before = Number.NaN,
): boolean {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head ?? '')?.[1]
  if (!head || !length || !socket || socket.errored) return false
  return socket.bytesWritten - before - head.length >= Number(length)
}

/** By the connection: one listener for all responses that are queued on it. */
const queued = new WeakMap<NodeSocket, Set<Exchange>>()

function onSocketClose(socket: NodeSocket, response: NodeResponse, exchange: Exchange): void {
  const exchanges = queued.get(socket) ?? new Set()
  if (!queued.has(socket)) {
    queued.set(socket, exchanges)
    socket.on('close', () => exchanges.forEach(leave))
  }
  exchanges.add(exchange)
  response.on('close', () => exchanges.delete(exchange))
}
