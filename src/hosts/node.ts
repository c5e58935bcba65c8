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
  readonly req?: { readonly socket?: Connection }
  /** The head as it was sent, by whatever way that was set. */
  readonly _header?: string | null
  /** Only on HTTP/2. */
  readonly stream?: NodeHttp2Stream
  on(event: 'finish' | 'close' | 'socket', listener: () => void): this
}

type Connection = NodeSocket | null | undefined

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

/** The bytes that are out on its connection, before any of the response: not where it is queued. */
export function bytesBefore(response: NodeResponse): number {
  return isQueued(response) ? Number.NaN : Number(response.req?.socket?.bytesWritten)
}

/** It waits behind another one on its connection, or has never come to its turn. */
function isQueued({ socket, writableFinished }: NodeResponse): boolean {
  return socket === null && !writableFinished
}

/** Tells the exchange how the response ended, by the bytes that were out `before` too. */
export function observeNode(response: NodeResponse, exchange: Exchange, before: number): void {
  const { stream } = response
  if (stream === undefined) observeHttp1(response, exchange, before)
  else observeHttp2(stream, response, exchange)
}

function observeHttp1(response: NodeResponse, exchange: Exchange, before: number): void {
  const socket = response.req?.socket
  let start = before
  let isCut = false
  const tell = (): void => {
    if (exchange.hasEnded) return
    // One that is queued is given the error of its connection.
    const { errored } = response
    const error = isQueued(response) && errored?.code === 'ECONNRESET' ? undefined : errored
    if (error) exchange.end('errored', error)
    else if (!isCut && hasSentAll(response, socket, start)) exchange.end('closed')
    else leave(exchange)
  }
  if (response.closed === true) {
    // One that was really finished has let go of its socket. The rest is told by both.
    const isFinished = response.writableFinished && !response.socket && !socket?.errored
    return isFinished ? exchange.end('closed') : tell()
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
  if (!isQueued(response) || !socket) return
  if (socket.destroyed) return leave(exchange)
  const others = leaveWithSocket(socket)
  others.add(exchange)
  response.on('socket', () => {
    start = bytesBefore(response)
    others.delete(exchange)
  })
}

function leave(exchange: Exchange): void {
  exchange.end('cancelled', clientWentAway())
}

function isBroken(socket: Connection): boolean {
  return Boolean(socket?.destroyed || socket?.errored)
}

/** A client that knows the length hangs up on the last byte, before the source says that it is done. */
function hasSentAll({ _header }: NodeResponse, socket: Connection, before: number): boolean {
  const head = String(_header)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  // Otherwise the server has cut it: then what waits in Node.js counts as written, too.
  if (!length || !socket?.readableEnded || socket.errored) return false
  return socket.bytesWritten - before - head.length >= Number(length)
}

/** By the connection: one listener for all responses that are queued on it. */
const queued = new WeakMap<NodeSocket, Set<Exchange>>()

/** Those that are left with the connection. */
function leaveWithSocket(socket: NodeSocket): Set<Exchange> {
  const known = queued.get(socket)
  if (known !== undefined) return known
  const exchanges = new Set<Exchange>()
  queued.set(socket, exchanges)
  socket.on('close', () => exchanges.forEach(leave))
  return exchanges
}
