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
  on(event: 'finish' | 'close' | 'socket', listener: () => void): this
}

interface NodeSocket {
  readonly destroyed: boolean
  readonly errored?: Error | null
  /** The client has hung up. */
  readonly readableEnded?: boolean
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

/** The bytes that are out on its connection, before any of the response. */
export function bytesBefore(response: NodeResponse): number {
  const isOnItsWay = response.socket !== null || response.writableFinished
  return (isOnItsWay ? response.req?.socket?.bytesWritten : undefined) ?? Number.NaN
}

/**
 * Tells the exchange how the response ended.
 *
 * @param before Of its bytes, where that was asked earlier.
 */
export function observeNode(response: NodeResponse, exchange: Exchange, before?: number): void {
  const { stream } = response
  if (stream === undefined) observeHttp1(response, exchange, before ?? bytesBefore(response))
  else observeHttp2(stream, response, exchange)
}

function observeHttp1(response: NodeResponse, exchange: Exchange, before: number): void {
  const socket = response.req?.socket ?? undefined
  // Behind another one on its connection, or it never came to its turn.
  let isQueued = response.socket === null && !response.writableFinished
  let start = before
  let isCut = false
  const tell = (): void => {
    if (exchange.hasEnded) return
    // One that is queued is given the error of its connection.
    const { errored } = response
    const error = isQueued && errored?.code === 'ECONNRESET' ? undefined : errored
    if (error) exchange.end('errored', error)
    else if (!isCut && hasSentAll(response, socket, start)) exchange.end('closed')
    else leave(exchange)
  }
  if (response.closed === true) {
    // One that was really finished has let go of its socket. The rest is told by both.
    const isFinished = response.writableFinished && !response.socket && !socket?.errored
    if (isFinished) exchange.end('closed')
    else tell()
    return
  }
  const finish = (): void => {
    // Before Node 24 one that was ended and then cut finishes too.
    isCut = isBroken(socket)
    if (!isCut) exchange.end('closed')
  }
  if (response.writableFinished) finish()
  else response.on('finish', finish)
  response.on('close', tell)
  // Before Node 24 it tells nothing when its connection ends first.
  if (!isQueued || socket === undefined) return
  response.on('socket', () => {
    isQueued = false
    start = socket.bytesWritten
  })
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
  before: number,
): boolean {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head ?? '')?.[1]
  // Otherwise the server has cut it: then what waits in Node.js counts as written, too.
  if (!head || !length || !socket?.readableEnded || socket.errored) return false
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
  // From then on it tells of its end itself.
  response.on('socket', () => exchanges.delete(exchange))
}
