import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { connect as connectSocket, type Socket } from 'node:net'
import type { RawRequest, RawResponse } from '../support/client.ts'
import { arrival, type Exchange } from './exchange.ts'

/** A session, and the connection that it does not show. */
export function openHttp2(port: number): { socket: Socket; session: ClientHttp2Session } {
  const socket = connectSocket(port, '127.0.0.1')
  return {
    socket,
    session: connect(`http://127.0.0.1:${port}`, { createConnection: () => socket }),
  }
}

/** One HTTP/2 stream on a session of its own, told like an HTTP/1.1 exchange. */
export async function sendHttp2(
  options: RawRequest,
  { socket, session } = openHttp2(options.port),
): Promise<Exchange> {
  const { path = '/', method = 'GET', headers = {}, upload } = options
  session.on('error', () => {})
  const stream = session.request({ ':path': path, ':method': method, ...headers })
  if (upload === undefined) stream.end()
  else stream.write(Buffer.alloc(upload))

  const { promise: response, resolve } = Promise.withResolvers<RawResponse>()
  const chunks: Buffer[] = []
  let head: Pick<RawResponse, 'status' | 'headers'> = { status: 0, headers: [] }
  let total = 0
  let isComplete = false
  const watchers = new Set<() => void>()
  stream.on('response', (fields) => {
    head = {
      status: Number(fields[':status']),
      headers: Object.entries(fields).flatMap(([name, value]) => {
        if (name === ':status' || value === undefined) return []
        return [value].flat().map((each) => [name, String(each)] as const)
      }),
    }
    total += 1
    for (const watcher of watchers) watcher()
  })
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    total += chunk.length
    for (const watcher of watchers) watcher()
  })
  const settle = (): void =>
    resolve({ ...head, statusText: '', body: Buffer.concat(chunks), complete: isComplete })
  stream.on('end', () => {
    isComplete = stream.rstCode === 0 && !stream.aborted
    settle()
  })
  stream.on('error', settle)
  stream.on('close', settle)

  const received: Exchange['received'] = (bytes) => {
    const arrived = Promise.withResolvers<void>()
    const check = (): void => {
      if (total >= bytes) arrived.resolve()
    }
    watchers.add(check)
    check()
    return arrived.promise.finally(() => watchers.delete(check))
  }

  return {
    response,
    received,
    receivedText: (text) => arrival(received, () => Buffer.concat(chunks), text),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    destroy: () => session.destroy(),
    reset: (code = constants.NGHTTP2_CANCEL) => stream.close(code),
    breakOff: () => socket.resetAndDestroy(),
    halfClose: () => session.close(),
  }
}
