import { createWorker } from '../app/worker.ts'

// As a user who forgets to hand on the context.
export default createWorker((app, request, env) => app(request, env))
