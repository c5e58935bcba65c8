import { AsyncLocalStorage } from 'node:async_hooks'

const responses = new AsyncLocalStorage<unknown>()

// `node:http` tells of every request, whatever framework handles it. Only its response knows the
// end where the server compresses (zlib is asynchronous: the body closes long before), and
// middleware is not given it: neither by react-router-serve nor by Astro.
globalThis.process
  ?.getBuiltinModule?.('node:diagnostics_channel')
  .subscribe('http.server.request.start', (message) => {
    responses.enterWith((message as { readonly response: unknown }).response)
  })

/** The Node response of the request being handled, if there is one. It may be over already. */
export function currentResponse(): unknown {
  return responses.getStore()
}
