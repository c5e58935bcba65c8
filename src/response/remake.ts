import type { Runtime } from './runtime.ts'

/** The same response with another body. */
export function remake(response: Response, body: ReadableStream, runtime: Runtime): Response {
  const { status, statusText } = response
  const headers = sentHeaders(response, runtime)
  // An empty one makes some hosts send an empty reason phrase.
  const init = { status, headers, ...(statusText === '' ? undefined : { statusText }) }
  try {
    return new Response(body, init)
  } catch {
    // The constructor refuses what a host sends all the same, a proxied 999 for instance.
    const made = new Response(body, { headers })
    runtime.setStatus?.(made, status, statusText)
    return Object.defineProperties(made, {
      status: { value: status },
      statusText: { value: statusText },
      ok: { value: response.ok },
    })
  }
}

/** The headers, without what described the bytes that `fetch` has decoded already. */
function sentHeaders({ headers, url }: Response, { decoded }: Runtime): Headers {
  if (url === '' || !decoded.test(headers.get('content-encoding') ?? '')) return headers
  const kept = new Headers(headers)
  kept.delete('content-encoding')
  kept.delete('content-length')
  return kept
}
