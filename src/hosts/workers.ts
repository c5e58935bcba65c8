import type { Runtime } from '../response/runtime.ts'

/**
 * Whether this is a Worker: there a request's timers and promises die with it and must not serve
 * another one, and it ends with its response unless something holds it.
 */
export const isWorker: boolean = globalThis.navigator?.userAgent === 'Cloudflare-Workers'

export const workers: Runtime = {
  // It encodes anew what it has decoded, as the header says.
  decoded: /(?!)/,
  tellsCancel: false,
  lengthOf,
  // Copies what only the runtime knows of a response, `encodeBody` for instance.
  remake: (response, body) => new Response(body, response),
}

/**
 * A stream of unknown length is sent in chunks, whatever its `content-length` says. The length that a
 * body has of its own is behind a symbol, for `console.log` to show.
 */
function lengthOf(body: ReadableStream, headers: Headers): bigint | undefined {
  // It may encode the body, and has then another length.
  if (headers.has('content-encoding')) return undefined
  for (const symbol of Object.getOwnPropertySymbols(Object.getPrototypeOf(body))) {
    if (symbol.description !== 'length') continue
    const length: unknown = Reflect.get(body, symbol)
    return typeof length === 'bigint' ? length : undefined
  }
  return undefined
}
