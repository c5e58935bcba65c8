import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawRequest {
  readonly port: number
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

export interface RawResponse {
  readonly status: number
  readonly statusText: string
  /** In the order received, names in lower case, a repeated header repeated. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Decoded from its chunks. */
  readonly body: Buffer
  /** False when the connection ended before the body was whole. */
  readonly complete: boolean
}

/** Sends one HTTP/1.1 request over its own socket and reads the whole answer, as it is on the wire. */
export async function request(options: RawRequest): Promise<RawResponse> {
  const exchange = await send(options)
  const response = await exchange.response
  exchange.socket.destroy()
  return response
}

export interface Exchange {
  readonly socket: Socket
  /** Resolves when as much as `bytes` of the answer (head included) has arrived. */
  readonly received: (bytes: number) => Promise<void>
  readonly response: Promise<RawResponse>
}

/** The same, in the caller's hands: pause, resume or destroy the socket at any moment. */
export async function send(options: RawRequest): Promise<Exchange> {
  const { port, path = '/', method = 'GET', headers = {}, body } = options
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const lines = [`${method} ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)

  const chunks: Buffer[] = []
  let total = 0
  const watchers = new Set<() => void>()
  const { promise: response, resolve } = Promise.withResolvers<RawResponse>()
  let parsed: RawResponse | undefined
  const parse = (ended: boolean): void => {
    parsed = parseResponse(Buffer.concat(chunks), method, ended)
    if (parsed !== undefined && (parsed.complete || ended)) resolve(parsed)
  }
  // Parsing anew is costly for a large body: only when it may be whole.
  let nextParse = 0
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    total += chunk.length
    if (total < 1_000_000 || total >= nextParse || chunk.length < 60_000) {
      nextParse = total + 4_000_000
      parse(false)
    }
    for (const watcher of watchers) watcher()
  })
  const end = (): void => {
    parse(true)
    resolve(
      parsed ?? { status: 0, statusText: '', headers: [], body: Buffer.alloc(0), complete: false },
    )
  }
  socket.once('end', end).once('error', end).once('close', end)

  return {
    socket,
    response,
    received: (bytes) => {
      const arrived = Promise.withResolvers<void>()
      const check = (): void => {
        if (total >= bytes) arrived.resolve()
      }
      watchers.add(check)
      check()
      return arrived.promise.finally(() => watchers.delete(check))
    },
  }
}

function parseResponse(bytes: Buffer, method: string, ended: boolean): RawResponse | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [statusLine = '', ...headerLines] = bytes
    .subarray(0, headEnd)
    .toString('latin1')
    .split('\r\n')
  const [, status = '0', statusText = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? []
  const headers = headerLines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const value = (name: string): string | undefined => headers.find(([key]) => key === name)?.[1]
  const rest = bytes.subarray(headEnd + 4)
  const head = { status: Number(status), statusText, headers }
  if (method === 'HEAD' || head.status === 204 || head.status === 304 || head.status < 200) {
    return { ...head, body: Buffer.alloc(0), complete: true }
  }
  if (value('transfer-encoding')?.toLowerCase() === 'chunked')
    return { ...head, ...decodeChunked(rest) }
  const length = value('content-length')
  if (length === undefined) return { ...head, body: rest, complete: ended }
  return {
    ...head,
    body: rest.subarray(0, Number(length)),
    complete: rest.length >= Number(length),
  }
}

function decodeChunked(bytes: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) break
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    const start = lineEnd + 2
    if (size === 0) return { body: Buffer.concat(parts), complete: bytes.length >= start + 2 }
    if (bytes.length < start + size + 2) break
    parts.push(bytes.subarray(start, start + size))
    at = start + size + 2
  }
  return { body: Buffer.concat(parts), complete: false }
}
