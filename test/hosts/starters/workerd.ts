import { createWorker } from '../app/worker.ts'

export default createWorker((app, request, env, ctx) => app(request, env, ctx))
