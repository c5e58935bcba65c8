import { once } from 'node:events'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'

/** A server of the test's own, for the handlers that proxy. */
export interface Upstream {
  readonly address: string
  /** Sends the second half of `/half?<id>`. */
  readonly release: (id: string) => void
  readonly close: () => void
}

export async function startUpstream(): Promise<Upstream> {
  const halves = new Map<string, () => void>()
  const text = 'hello from upstream '.repeat(200)
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '', 'http://upstream')
    const isEncoded = pathname === '/gzip'
    const [, odd] = /^\/status\/(\d+)$/.exec(pathname) ?? []
    if (odd !== undefined) {
      // The constructor of a Response refuses it, and servers send it all the same.
      response.writeHead(Number(odd), 'Request denied').end('odd')
      return
    }
    // A proxy has to leave it out, and HTTP/2 refuses it.
    response.removeHeader('connection')
    const body = isEncoded ? gzipSync(text) : Buffer.from(text)
    response.writeHead(200, 'Fetched', {
      'content-type': 'text/plain',
      'content-length': body.length,
      'x-upstream': 'yes',
      ...(isEncoded ? { 'content-encoding': 'gzip' } : undefined),
    })
    if (pathname === '/half') {
      response.write(body.subarray(0, 2000))
      halves.set(search.slice(1), () => response.end(body.subarray(2000)))
    } else response.end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    address: `http://127.0.0.1:${address.port}`,
    release: (id) => {
      halves.get(id)?.()
      halves.delete(id)
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
