import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { decodedHeaders } from '../../src/lib/decoded-headers.ts'

const encode: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: gzipSync,
  'X-GZIP': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  'gzip, br': (bytes) => brotliCompressSync(gzipSync(bytes)),
  identity: (bytes) => bytes,
  'aws-chunked': (bytes) => bytes,
  'gzip, aws-chunked': gzipSync,
}

const server = createServer((request, response) => {
  const coding = decodeURIComponent(request.url?.slice(1) ?? '')
  const bytes = encode[coding]?.(Buffer.from('text'.repeat(25))) ?? Buffer.alloc(0)
  response.writeHead(200, { 'content-encoding': coding, 'content-length': bytes.length })
  response.end(bytes)
})

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

async function fetchEncoded(coding: string): Promise<Response> {
  const { port } = server.address() as AddressInfo
  return await fetch(`http://127.0.0.1:${port}/${encodeURIComponent(coding)}`)
}

/** A response as `fetch` of another runtime gives it. */
function fetched(coding: string): Response {
  const headers = { 'content-encoding': coding, 'content-length': '4', 'x-key': 'value' }
  return Object.defineProperty(new Response('text', { headers }), 'url', {
    value: 'http://localhost/',
  })
}

describe('decodedHeaders()', () => {
  it.each(Object.keys(encode))('describe the bytes as fetch gives them: %s', async (coding) => {
    const response = await fetchEncoded(coding)
    const headers = decodedHeaders(response)
    const isDecoded = (await response.arrayBuffer()).byteLength === 100
    // Where nothing was encoded, both are right.
    if (!/identity|^aws/.test(coding)) expect(headers.has('content-encoding')).toBe(!isDecoded)
    else expect(headers.has('content-encoding')).toBe(true)
    expect(headers.has('content-length')).toBe(headers.has('content-encoding'))
    // The response of the caller is left as it was.
    expect(response.headers.get('content-encoding')).toBe(coding)
  })

  it('are those of the response where it was not fetched', () => {
    const response = new Response('text', { headers: { 'content-encoding': 'gzip' } })
    expect(decodedHeaders(response)).toBe(response.headers)
  })

  it.each<[string, object, string[], string[]]>([
    ['Deno', { Deno: {} }, ['gzip', 'br'], ['deflate', 'x-gzip', 'zstd', 'gzip, br']],
    ['Bun', { Bun: {} }, ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'], ['gzip, br']],
    [
      'Node 24',
      { process: { versions: { undici: '7.29.1' } } },
      ['gzip, br', 'zstd', 'deflate'],
      ['gzip, compress'],
    ],
    ['Node 20', { process: { versions: { undici: '6.24.1' } } }, ['gzip,br'], ['zstd']],
    ['Workers', { navigator: { userAgent: 'Cloudflare-Workers' } }, [], ['gzip', 'br']],
  ])('go by what is decoded on %s', async (_, globals, decoded, kept) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    vi.resetModules()
    const there = await import('../../src/lib/decoded-headers.ts')
    vi.unstubAllGlobals()
    const isKept = (coding: string): boolean =>
      there.decodedHeaders(fetched(coding)).has('content-encoding')
    expect([...decoded, ...kept].filter(isKept)).toEqual(kept)
    expect(there.decodedHeaders(fetched('gzip')).get('x-key')).toBe('value')
  })
})
