import { createWorker } from '../app/worker.ts'

// Bundled without the export condition: all that the package can find is what it is given.
export default createWorker(
  (app, request, env, ctx) => app(request, env, ctx),
  (_request, _env, ctx) => (ctx ? { waitUntil: (promise) => ctx.waitUntil(promise) } : {}),
)
