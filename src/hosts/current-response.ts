import { AsyncLocalStorage } from 'node:async_hooks'

const responses = new AsyncLocalStorage<WeakRef<object>>()

// `node:http` tells of every request, whatever framework handles it. Only its response knows the
// end where the server compresses (zlib is asynchronous: the body closes long before), and
// middleware is not given it: neither by react-router-serve nor by Astro.
globalThis.process
  ?.getBuiltinModule?.('node:diagnostics_channel')
  .subscribe('http.server.request.start', (message) => {
    // Weakly: an idle connection keeps the async context of its last request.
    responses.enterWith(new WeakRef((message as { readonly response: object }).response))
  })

/** The Node response of the request being handled, if there is one. It may be over already. */
export function currentResponse(): unknown {
  return responses.getStore()?.deref()
}
