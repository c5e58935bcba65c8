import { anyOf, isOpen, passed, pause, report } from './control.ts'

/** What a case answers with. */
export interface Exchange {
  readonly id: string
  /** The address of the test's own server, for the cases that proxy. */
  readonly upstream: string
  readonly Response: typeof Response
  readonly request: Request
  /** Answers a WebSocket handshake in the host's own way; absent where the host has none. */
  readonly upgrade?: (() => Response) | undefined
}

const encoder = new TextEncoder()

/** The handlers of the cases, by name: the same in every form and on every host. */
export const responses: Record<string, (exchange: Exchange) => Response | Promise<Response>> = {
  string: ({ Response }) => new Response('hello world'),
  json: ({ Response }) => Response.json({ message: 'hello world' }),
  bytes: ({ Response }) => new Response(encoder.encode('hello world')),
  blob: ({ Response }) => new Response(new Blob(['hello world'], { type: 'text/css' })),
  empty: ({ Response }) => new Response(''),
  none: ({ Response }) => new Response(null),
  'no content': ({ Response }) => new Response(null, { status: 204 }),
  'not modified': ({ Response }) => new Response(null, { status: 304, headers: { etag: '"1"' } }),
  redirect: ({ Response }) => Response.redirect('http://127.0.0.1/elsewhere', 303),
  'network error': ({ Response }) => Response.error(),
  '20 MB': ({ Response }) => new Response('0123456789abcdef'.repeat(1_250_000)),
  '20 MB, a length': ({ Response }) =>
    new Response('0123456789abcdef'.repeat(1_250_000), {
      headers: { 'content-length': '20000000' },
    }),
  'status text': ({ Response }) =>
    new Response('made', { status: 201, statusText: 'Made To Order' }),
  'content-length': ({ Response }) =>
    new Response('hello world', { headers: { 'content-length': '11' } }),
  'stream with content-length': ({ Response }) =>
    new Response(chunks('hello ', 'world'), { headers: { 'content-length': '11' } }),
  'proxied status 999': ({ upstream }) => fetch(`${upstream}/status/999`),
  'proxied status 600': ({ upstream }) => fetch(`${upstream}/status/600`),
  'no content, but a body': ({ Response }) => lightly(Response, 204),
  'not modified, but a body': ({ Response }) => lightly(Response, 304),
  'encoded already': ({ Response }) => new Response(gzipped(), encoded),
  'encoded already, stream': ({ Response }) => new Response(chunksOf(gzipped()), encoded),
  'late close': ({ id, Response }) =>
    new Response(lateClose(id, 'hello world'), { headers: { 'content-length': '11' } }),
  'half of its length': ({ id, Response }) =>
    new Response(lateClose(id, 'hello '), { headers: { 'content-length': '11' } }),
  echo: async ({ request, Response }) => new Response(await request.text()),
  'answered early': async ({ request, Response }) => {
    await request.body?.getReader().read()
    return new Response('too large', { status: 413 })
  },
  'two cookies': ({ Response }) => {
    const headers = new Headers({ 'content-type': 'text/html' })
    headers.append('set-cookie', 'a=1; Path=/')
    headers.append('set-cookie', 'b=2; Path=/; HttpOnly')
    return new Response('<p>hello</p>', { headers })
  },
  'proxied fetch': ({ upstream }) => fetch(`${upstream}/plain`),
  'proxied fetch, half there': async ({ id, upstream }) => {
    const response = await fetch(`${upstream}/half?${id}`)
    report('fetched', id)
    return response
  },
  'proxied fetch, encoded': ({ upstream }) => fetch(`${upstream}/gzip`),
  upgrade: ({ upgrade, Response }) =>
    upgrade === undefined ? new Response('no upgrade here') : upgrade(),

  stream: ({ id, Response }) => new Response(gated(id)),
  'source fails': ({ id, Response }) => new Response(gated(id, new Error('source failed'))),
  'server-sent events': ({ id, Response }) =>
    new Response(
      counting(id, (count) => `data: ${count}\n\n`, `${id}/event/`),
      {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
      },
    ),
  'before the first byte': ({ id, Response }) => new Response(counting(id, String, `${id}/event/`)),
  'mid-stream': ({ id, Response }) => new Response(counting(id, (count) => `chunk ${count}\n`)),
  'slow client': ({ id, Response }) => new Response(large(id)),
  'late string': async ({ id, request, Response }) => {
    await returning(id, request)
    return new Response('hello world')
  },
  'late stream': async ({ id, request, Response }) => {
    await returning(id, request)
    return new Response(counting(id, String))
  },
}

/** Some classes take a body that is never sent; the standard one refuses it. */
function lightly(Response: Exchange['Response'], status: number): Response {
  try {
    return new Response('never sent', { status })
  } catch {
    return new Response(null, { status })
  }
}

/** `encodeBody` says to a Worker that it is not to encode it once more. */
const encoded = {
  headers: { 'content-encoding': 'gzip', 'content-type': 'text/plain' },
  encodeBody: 'manual',
} as const

/** `hello world`, as gzip makes it. */
function gzipped(): Uint8Array<ArrayBuffer> {
  const text = 'H4sIAAAAAAAAA8tIzcnJVyjPL8pJAQCFEUoNCwAAAA=='
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function chunksOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** The handler of a client that leaves before it has its answer. */
async function returning(id: string, request: Request): Promise<void> {
  report('handling', id)
  await passed(`${id}/return`)
  // Bun may hear of it later than of the requests that come after it.
  if (!('Bun' in globalThis && new URL(request.url).searchParams.has('gone'))) return
  while (!request.signal.aborted) await pause(2)
}

function chunks(...texts: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      pull(controller) {
        const text = texts.shift()
        if (text === undefined) controller.close()
        else controller.enqueue(encoder.encode(text))
      },
    },
    { highWaterMark: 0 },
  )
}

/** All of it at once, and the end, or what is missing, when the gate is opened. */
function lateClose(id: string, text: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  let count = 0
  return new ReadableStream(
    {
      async pull(controller) {
        count += 1
        if (count === 1) controller.enqueue(encoder.encode(text))
        else {
          await passed(`${id}/source`)
          if (count === 2 && text !== 'hello world') controller.enqueue(encoder.encode('world'))
          else controller.close()
        }
      },
    },
    { highWaterMark: 0 },
  )
}

/** Two chunks; the second one, or the failure, waits for the client to have the first. */
function gated(id: string, failure?: Error): ReadableStream<Uint8Array<ArrayBuffer>> {
  let count = 0
  return new ReadableStream(
    {
      async pull(controller) {
        count += 1
        if (count === 1) {
          controller.enqueue(encoder.encode('first chunk\n'))
          return
        }
        if (count === 2) {
          await passed(`${id}/source`)
          if (failure === undefined) controller.enqueue(encoder.encode('second chunk\n'))
          else controller.error(failure)
          return
        }
        report('source-closed', id)
        controller.close()
      },
      cancel: () => report('source-cancelled', id),
    },
    { highWaterMark: 0 },
  )
}

/**
 * Chunks without end, until the reader cancels: one every few milliseconds, since a Worker notices
 * a lost client only by writing, or each after its own gate. `<id>/source` ends it for a host that
 * does not cancel.
 */
function counting(
  id: string,
  text: (count: number) => string,
  gates?: string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let count = 0
  return new ReadableStream(
    {
      async pull(controller) {
        if (count > 0 && gates === undefined) await pause(5)
        if (gates !== undefined) await anyOf(`${gates}${count}`, `${id}/source`)
        if (isOpen(`${id}/source`)) {
          report('source-closed', id)
          controller.close()
          return
        }
        controller.enqueue(encoder.encode(text(count)))
        count += 1
      },
      cancel: () => report('source-cancelled', id),
    },
    { highWaterMark: 0 },
  )
}

/** 32 MB, more than the buffers of two kernels hold. */
function large(id: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  let count = 0
  return new ReadableStream(
    {
      pull(controller) {
        count += 1
        controller.enqueue(new Uint8Array(65_536).fill(count % 251))
        if (count < 512) return
        report('source-closed', id)
        controller.close()
      },
      cancel: () => report('source-cancelled', id),
    },
    { highWaterMark: 0 },
  )
}
