import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawRequest {
  readonly port: number
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Bytes of a body that is sent as the server takes it, and never ended; on HTTP/2. */
  readonly upload?: number | undefined
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
  /** What has arrived of the body so far. */
  readonly body: () => Buffer
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

  let total = 0
  const watchers = new Set<() => void>()
  const { promise: response, resolve } = Promise.withResolvers<RawResponse>()
  const parser = new ResponseParser(method)
  socket.on('data', (chunk) => {
    total += chunk.length
    parser.push(chunk)
    if (parser.isComplete) resolve(parser.response())
    for (const watcher of watchers) watcher()
  })
  const end = (): void => {
    parser.end()
    resolve(parser.response())
  }
  socket.once('end', end).once('error', end).once('close', end)

  return {
    socket,
    response,
    body: () => parser.response().body,
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

const unanswered: RawResponse = {
  status: 0,
  statusText: '',
  headers: [],
  body: Buffer.alloc(0),
  complete: false,
}

/** Takes the answer apart as it arrives. */
class ResponseParser {
  readonly #method: string
  readonly #parts: Buffer[] = []
  #head: Pick<RawResponse, 'status' | 'statusText' | 'headers'> | undefined
  #rest: Buffer = Buffer.alloc(0)
  #isChunked = false
  /** Bytes to come of the body or of the chunk at hand; -1 in front of a chunk's size. */
  #remaining = 0
  isComplete = false

  constructor(method: string) {
    this.#method = method
  }

  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    if (this.#head === undefined && !this.#parseHead()) return
    while (!this.isComplete && (this.#isChunked ? this.#takeChunk() : this.#takeBody()));
  }

  /** The connection has ended: so has a body of unknown length. */
  end(): void {
    if (this.#head !== undefined && this.#remaining === Infinity) this.isComplete = true
  }

  response(): RawResponse {
    if (this.#head === undefined) return unanswered
    return { ...this.#head, body: Buffer.concat(this.#parts), complete: this.isComplete }
  }

  #parseHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [statusLine = '', ...lines] = this.#rest.subarray(0, end).toString('latin1').split('\r\n')
    const [, status = '0', statusText = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? []
    const headers = lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    })
    const value = (name: string): string | undefined => headers.find(([key]) => key === name)?.[1]
    this.#head = { status: Number(status), statusText, headers }
    this.#rest = this.#rest.subarray(end + 4)
    this.#isChunked = value('transfer-encoding')?.toLowerCase() === 'chunked'
    this.#remaining = this.#isChunked ? -1 : Number(value('content-length') ?? Infinity)
    const hasNoBody = this.#head.status < 200 || [204, 304].includes(this.#head.status)
    if (this.#method === 'HEAD' || hasNoBody || this.#remaining === 0) this.isComplete = true
    return true
  }

  #takeBody(): boolean {
    if (this.#rest.length === 0) return false
    const part = this.#rest.subarray(0, this.#remaining)
    this.#parts.push(part)
    this.#rest = this.#rest.subarray(part.length)
    this.#remaining -= part.length
    this.isComplete = this.#remaining === 0
    return true
  }

  #takeChunk(): boolean {
    if (this.#remaining > 0) {
      const part = this.#rest.subarray(0, this.#remaining)
      if (part.length === 0) return false
      this.#parts.push(part)
      this.#rest = this.#rest.subarray(part.length)
      this.#remaining -= part.length
      return true
    }
    // The line break after a chunk's data, then the size of the next one.
    const start = this.#remaining === 0 ? 2 : 0
    const lineEnd = this.#rest.indexOf('\r\n', start)
    if (lineEnd === -1) return false
    const size = Number.parseInt(this.#rest.subarray(start, lineEnd).toString('latin1'), 16)
    if (size === 0) {
      this.isComplete = this.#rest.length >= lineEnd + 4
      return false
    }
    this.#rest = this.#rest.subarray(lineEnd + 2)
    this.#remaining = size
    return true
  }
}
