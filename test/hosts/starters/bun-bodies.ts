// Prints for which answers `isStaticOnBun` is true. With the argument `inspect`, on a Bun that does
// not tell how many bytes a response holds.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'

if (process.argv[2] === 'inspect') Reflect.set(process, 'getBuiltinModule', undefined)
const { isStaticOnBun } = await import('../../../src/hosts/bun.ts')

// Two bodies of a known length that stop halfway.
const headers = { 'content-length': '4000' }
const upstream = createServer((_, response) => response.writeHead(200, headers).write('half'))
await once(upstream.listen(0, '127.0.0.1'), 'listening')
const { port } = upstream.address() as AddressInfo
const upload = Promise.withResolvers<Request>()
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (sent) => {
    upload.resolve(sent)
    return new Promise(() => {})
  },
})
request({ host: '127.0.0.1', port: server.port, method: 'POST', headers }).write('half')

const form = new FormData()
form.set('name', 'value')
const read = new Response('text')
await read.text()
const locked = new Response('text')
locked.body?.getReader()
const answers: Record<string, Response> = {
  text: new Response('text'),
  'text with a status text': new Response('text', { statusText: 'Made' }),
  JSON: Response.json({ a: 1 }),
  bytes: new Response(new Uint8Array(4)),
  'part of a buffer': new Response(new Uint8Array(8).subarray(2)),
  'a blob': new Response(new Blob(['text'], { type: 'text/css' })),
  'a file': new Response(Bun.file(process.argv[1] ?? '')),
  'a part of a file': new Response(Bun.file(process.argv[1] ?? '').slice(5)),
  'a form': new Response(form),
  parameters: new Response(new URLSearchParams({ a: '1' })),
  'a clone': new Response('text').clone(),

  'no body': new Response(null),
  'no body with a status text': new Response(null, { statusText: 'ReadableStream' }),
  'a file that may have no end': new Response(Bun.file('/dev/null')),
  'a stream': new Response(new ReadableStream()),
  'a stream with headers': new Response(new ReadableStream(), { headers: { a: '(4 bytes)' } }),
  'a stream with a status text': new Response(new ReadableStream(), { statusText: 'Made' }),
  'the stream of a blob': new Response(new Blob(['text']).stream()),
  'text that has been read': read,
  'text with a reader': locked,
  'half of a fetched body': await fetch(`http://127.0.0.1:${port}/`),
  'half of an uploaded body': new Response((await upload.promise).body),
}
const found = Object.entries(answers).filter(([, answer]) => isStaticOnBun(answer))
console.log(JSON.stringify(found.map(([name]) => name)))
process.exit()
