import type { Context, Hono } from 'hono'
import { createHono } from '../app/hono.ts'
import { common, type Env } from '../app/worker.ts'

let app: Hono | undefined

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> {
    app ??= createHono({ ...common(env), hold })
    return app.fetch(request, env, ctx)
  },
}

function hold(promise: Promise<unknown>, { executionCtx }: Context): void {
  executionCtx.waitUntil(promise)
}
