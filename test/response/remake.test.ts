import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runtime } from '../../src/hosts/runtime.ts'
import { remake } from '../../src/response/remake.ts'
import { bodyOf } from '../support/body.ts'
import { ForeignResponse } from '../support/foreign-response.ts'

const body = (): ReadableStream<Uint8Array> => bodyOf(['another body'])

describe('remake()', () => {
  it('keeps the head, and takes the body', async () => {
    const headers = new Headers({ 'x-key': 'value', 'content-length': '12' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    const response = new Response('body', { status: 418, statusText: 'Teapot', headers })
    const made = remake(response, body(), runtime)
    expect(made).not.toBe(response)
    expect([made.status, made.statusText]).toEqual([418, 'Teapot'])
    expect([...made.headers]).toEqual([...response.headers])
    expect(await made.text()).toBe('another body')
  })

  it('makes a native response of that of another implementation', () => {
    const foreign = new ForeignResponse('body', { status: 201, headers: { 'x-key': 'value' } })
    const made = remake(foreign as unknown as Response, body(), runtime)
    expect(made).toBeInstanceOf(Response)
    expect([made.status, made.headers.get('x-key')]).toEqual([201, 'value'])
  })

  // It answered 500, and skipped the tasks: what a proxied fetch gives, the constructor refuses.
  it.each<[string, number, string]>([
    ['a status above 599', 999, 'Request denied'],
    ['a reason phrase outside ASCII', 404, '見つかりません'],
  ])('keeps %s, which a host sends all the same', async (_, status, statusText) => {
    const response = Object.defineProperties(new Response('body', { headers: { 'x-key': 'a' } }), {
      status: { value: status },
      statusText: { value: statusText },
      ok: { value: false },
    })
    const made = remake(response, body(), runtime)
    expect([made.status, made.statusText, made.ok]).toEqual([status, statusText, false])
    expect(made.headers.get('x-key')).toBe('a')
    expect(await made.text()).toBe('another body')
  })
})

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

describe('The headers that remake() keeps', () => {
  it.each(Object.keys(encode))('describe the bytes as fetch gives them: %s', async (coding) => {
    const response = await fetchEncoded(coding)
    const { headers } = remake(response, body(), runtime)
    const isDecoded = (await response.arrayBuffer()).byteLength === 100
    // Where nothing was encoded, both are right.
    if (!/identity|^aws/.test(coding)) expect(headers.has('content-encoding')).toBe(!isDecoded)
    else expect(headers.has('content-encoding')).toBe(true)
    expect(headers.has('content-length')).toBe(headers.has('content-encoding'))
    // The response of the caller is left as it was.
    expect(response.headers.get('content-encoding')).toBe(coding)
  })

  it('are all of them where nothing was fetched', () => {
    const init = { headers: { 'content-encoding': 'gzip', 'content-length': '4' } }
    const made = remake(new Response('text', init), body(), runtime)
    expect([...made.headers.keys()]).toEqual(['content-encoding', 'content-length', 'content-type'])
  })
})
