import { EventEmitter } from 'node:events'
import { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { bytesBefore, isNodeResponse, node, observeNode } from '../../../src/hosts/node.ts'
import { loadOn } from '../../support/load-on.ts'
import { WatchedExchange } from '../../support/watched-exchange.ts'

/** The connection of a response, in the hands of the test. */
class Socket extends EventEmitter {
  destroyed = false
  errored: Error | null = null
  bytesWritten = 0
  readableEnded = false

  cut(error: Error | null = null): void {
    this.destroyed = true
    this.errored = error
    this.emit('close')
  }
}

/** A response of `node:http`. */
class NodeResponse extends EventEmitter {
  closed = false
  writableFinished = false
  errored: Error | null = null
  readonly req: { readonly socket: Socket }
  socket: Socket | null

  constructor(socket = new Socket(), isQueued = false) {
    super()
    this.req = { socket }
    this.socket = isQueued ? null : socket
  }

  /** Sends its head, which announces 8 bytes, and so many bytes of its body. */
  send(bytes: number): void {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n'
    Reflect.set(this, '_header', head)
    this.req.socket.bytesWritten += head.length + bytes
  }

  /** Its turn comes. */
  getSocket(): void {
    this.socket = this.req.socket
    this.emit('socket')
  }

  finish(): void {
    this.writableFinished = true
    this.emit('finish')
  }

  close(error: Error | null = null): void {
    this.closed = true
    this.errored = error
    this.emit('close')
  }
}

/** What the exchange is told of a response. */
function observed(response: NodeResponse, before = bytesBefore(response)): unknown[][] {
  const exchange = new WatchedExchange()
  observeNode(response, exchange, before)
  return exchange.ends
}

const closed = ['closed', undefined]
const gone = [
  'cancelled',
  expect.objectContaining({ name: 'AbortError', message: 'The client went away' }),
]
const broken = new Error('broken')

describe('isNodeResponse()', () => {
  it('knows a response of node:http, and nothing else', () => {
    expect(isNodeResponse(new NodeResponse())).toBe(true)
    expect(Reflect.has(ServerResponse.prototype, 'writableFinished')).toBe(true)
    const others = [undefined, null, 'text', {}, new Response(null), { writableFinished: true }]
    expect(others.filter(isNodeResponse)).toEqual([])
  })
})

describe('observeNode()', () => {
  it('tells of nothing before the response is over', () => {
    const response = new NodeResponse()
    const ends = observed(response)
    expect(ends).toEqual([])
    response.finish()
    expect(ends).toEqual([closed])
  })

  it('tells of a client that went away', () => {
    const response = new NodeResponse()
    const ends = observed(response)
    response.close()
    expect(ends).toEqual([gone])
  })

  it('tells of a response that failed', () => {
    const response = new NodeResponse()
    const ends = observed(response)
    response.close(broken)
    expect(ends).toEqual([['errored', broken]])
  })

  // Before Node 24 it finishes all the same.
  it('does not believe a response that was ended and then cut', () => {
    const response = new NodeResponse()
    const ends = observed(response)
    response.req.socket.cut()
    response.finish()
    expect(ends).toEqual([])
    response.close()
    expect(ends).toEqual([gone])
  })

  it('tells at once of a response that was over before', () => {
    const finished = Object.assign(new NodeResponse(), {
      closed: true,
      writableFinished: true,
      socket: null,
    })
    expect(observed(finished)).toEqual([closed])
    expect(observed(Object.assign(new NodeResponse(), { closed: true }))).toEqual([gone])
    const failed = Object.assign(new NodeResponse(), { closed: true, errored: broken })
    expect(observed(failed)).toEqual([['errored', broken]])
  })

  // curl hangs up on the last byte: 9 to 14 of 15 whole downloads counted as cancelled.
  it.each<[string, number, unknown[]]>([
    ['all of it', 8, closed],
    ['all but a byte', 7, gone],
  ])('goes by the content-length where the client has %s', (_, bytes, end) => {
    const response = new NodeResponse()
    // Of an earlier response on the same connection.
    response.req.socket.bytesWritten = 1000
    const ends = observed(response)
    response.send(bytes)
    response.req.socket.readableEnded = true
    response.close()
    expect(ends).toEqual([end])
  })

  it('counts from what was out when the handler returned, if that is known', () => {
    const response = new NodeResponse()
    const before = bytesBefore(response)
    response.send(8)
    const ends = observed(response, before)
    response.req.socket.readableEnded = true
    response.close()
    expect(ends).toEqual([closed])
  })

  it('tells at once of a response that is finished, and not closed yet', () => {
    const response = new NodeResponse()
    response.finish()
    expect(observed(response)).toEqual([closed])
  })

  it('does not believe one that was cut, is finished and is closed', () => {
    const response = new NodeResponse()
    response.req.socket.cut(broken)
    response.finish()
    response.close()
    response.socket = null
    expect(observed(response)).toEqual([gone])
  })

  it.each([
    ['failed', broken],
    // On Node 20 nothing else tells it: what waits in the process counts as written.
    ['was cut by the server', null],
  ])('does not go by the content-length where the connection %s', (_, error) => {
    const response = new NodeResponse()
    const ends = observed(response)
    response.send(8)
    response.req.socket.cut(error)
    response.close()
    expect(ends).toEqual([gone])
  })
})

describe('A response that is queued behind another one on its connection', () => {
  it('is heard when its turn comes', () => {
    const response = new NodeResponse(new Socket(), true)
    const ends = observed(response)
    response.getSocket()
    response.finish()
    expect(ends).toEqual([closed])
  })

  it('has all that is out from then on counted', () => {
    const response = new NodeResponse(new Socket(), true)
    const ends = observed(response)
    response.req.socket.bytesWritten = 1000
    response.getSocket()
    response.send(8)
    response.req.socket.readableEnded = true
    response.req.socket.cut()
    response.close()
    expect(ends).toEqual([closed])
  })

  it('fails with its source then, also with an ECONNRESET of that', () => {
    const response = new NodeResponse(new Socket(), true)
    const ends = observed(response)
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
    response.getSocket()
    response.close(reset)
    expect(ends).toEqual([['errored', reset]])
  })

  // Before Node 24 it tells nothing: drain() waited for good, and the list was never let go.
  it('ends with its connection, and is cancelled then', () => {
    const response = new NodeResponse(new Socket(), true)
    const ends = observed(response)
    response.req.socket.cut()
    expect(ends).toEqual([gone])
  })

  it('is cancelled at once where its connection has ended', () => {
    const socket = new Socket()
    socket.cut()
    expect(observed(new NodeResponse(socket, true))).toEqual([gone])
  })

  // Node 24 tells it, with the error of the connection.
  it('is cancelled by an error of the connection, which is not that of the source', () => {
    const response = new NodeResponse(new Socket(), true)
    const ends = observed(response)
    response.close(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
    expect(ends).toEqual([gone])
  })

  it('tells of a source that failed before its turn came', () => {
    const response = new NodeResponse(new Socket(), true)
    const ends = observed(response)
    response.close(broken)
    expect(ends).toEqual([['errored', broken]])
  })

  it('needs one listener for all that are queued there, and is let go of when it closes', () => {
    const socket = new Socket()
    const responses = Array.from({ length: 20 }, () => new NodeResponse(socket, true))
    const all = responses.map(observed)
    expect(socket.listenerCount('close')).toBe(1)
    const [first] = responses
    first?.getSocket()
    first?.finish()
    first?.close()
    socket.cut()
    expect(all).toEqual([[closed], ...Array.from({ length: 19 }, () => [gone])])
  })
})

describe('What fetch decodes on Node', () => {
  it.each<[string, object, string[]]>([
    ['Node 24', { versions: { undici: '7.29.1' } }, ['gzip', 'X-Gzip', 'gzip, br', 'zstd']],
    ['Node 20', { versions: { undici: '6.24.1' } }, ['gzip', 'X-Gzip', 'gzip, br']],
    ['an unknown one', {}, ['gzip', 'X-Gzip', 'gzip, br']],
  ])('is what undici decodes: %s', async (_, process, decoded) => {
    const there = await loadOn({ process }, () => import('../../../src/hosts/node.ts'))
    const codings = ['gzip', 'X-Gzip', 'gzip, br', 'zstd', '', 'identity', 'gzip, aws-chunked']
    expect(codings.filter((coding) => there.node.decoded.test(coding))).toEqual(decoded)
  })

  it('is cancelled by a reader that wants no more', () => {
    expect(node.tellsCancel).toBe(true)
  })
})
