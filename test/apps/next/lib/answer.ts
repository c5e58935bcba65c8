import { notFound, redirect } from 'next/navigation'
import { type NextRequest, NextResponse } from 'next/server'
import { report } from './events'
import { passed } from './gates'

export interface RouteContext {
  params: Promise<{ kind: string }>
}

/** One answer of each kind that the suite asks for; `id` names its events and its gates. */
export async function answer(kind: string, id: string, request: NextRequest): Promise<Response> {
  switch (kind) {
    case 'text':
      return new Response('hello world')
    case 'json':
      return Response.json({ hello: 'world' })
    case 'large':
      return new Response('x'.repeat(20_000_000))
    case 'length':
      return new Response('hello world', { headers: { 'content-length': '11' } })
    case 'status':
      return new Response('short and stout', { status: 418, statusText: 'Teapot' })
    case 'cookies':
      return new Response('two', {
        headers: [
          ['set-cookie', 'a=1; Path=/'],
          ['set-cookie', 'b=2; Path=/'],
        ],
      })
    case 'null':
      return new Response(null)
    case 'no-content':
      return new Response(null, { status: 204 })
    case 'not-modified':
      return new Response(null, { status: 304, headers: { etag: '"1"' } })
    case 'redirect':
      return NextResponse.redirect(new URL('/elsewhere', request.url))
    case 'echo':
      return new Response(request.body)
    case 'stream':
      return new Response(gatedStream(id))
    case 'source-error':
      return new Response(failingStream(id))
    case 'slow':
    case 'slow-stream':
      request.signal.addEventListener('abort', () => report('aborted', id))
      report('handler-waits', id)
      await passed(`${id}-handler`)
      report('handler-ends', id)
      return new Response(kind === 'slow' ? 'slow' : gatedStream(id))
    case 'throw':
      throw new Error('thrown by the handler')
    case 'throw-redirect':
      return redirect('/elsewhere')
    case 'throw-not-found':
      return notFound()
    default:
      return new Response('unknown kind', { status: 400 })
  }
}

function gatedStream(id: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let first = true
  return new ReadableStream(
    {
      async pull(controller) {
        if (first) {
          first = false
          controller.enqueue(encoder.encode('first '))
          return
        }
        await passed(`${id}-chunk`)
        report('last-chunk', id)
        controller.enqueue(encoder.encode('last'))
        controller.close()
      },
      cancel() {
        report('source-cancelled', id)
      },
    },
    { highWaterMark: 0 },
  )
}

function failingStream(id: string): ReadableStream<Uint8Array> {
  let first = true
  return new ReadableStream(
    {
      pull(controller) {
        if (first) {
          first = false
          controller.enqueue(new TextEncoder().encode('first '))
          return
        }
        report('source-fails', id)
        controller.error(new Error('the source failed'))
      },
    },
    { highWaterMark: 0 },
  )
}
