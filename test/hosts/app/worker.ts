import type { WrapOptions } from 'background-tasks'
import { createApp } from './app.ts'

export interface Env {
  readonly UPSTREAM: string
}

type App = ReturnType<typeof create>

/**
 * A Worker; `call` decides what of its arguments the app gets to see, `wrapOptions` what
 * `tasks.wrap()` does.
 */
export function createWorker(
  call: (app: App, request: Request, env: Env, ctx: ExecutionContext) => ReturnType<App>,
  wrapOptions?: (request: Request, env: Env, ctx?: ExecutionContext) => WrapOptions,
): { fetch(request: Request, env: Env, ctx: ExecutionContext): ReturnType<App> } {
  let app: App | undefined
  return {
    fetch(request, env, ctx) {
      app ??= create(env, wrapOptions)
      return call(app, request, env, ctx)
    },
  }
}

function create(env: Env, wrapOptions: Parameters<typeof createWorker>[1]) {
  return createApp({
    ...(wrapOptions && { wrapOptions }),
    ...common(env),
    hold: (promise, _request: Request, _env: Env, ctx?: ExecutionContext) =>
      ctx?.waitUntil(promise),
    request: (request: Request, _env: Env, _ctx?: ExecutionContext) => request,
  })
}

/** What every Worker gives to the app. */
export function common(env: Env) {
  return {
    block: spin,
    unreadTimeout: 1000,
    upstream: env.UPSTREAM,
    upgrade() {
      const { 0: client, 1: server } = new WebSocketPair()
      server.accept()
      server.addEventListener('message', ({ data }) => server.send(`echo ${data}`))
      return new Response(null, { status: 101, webSocket: client })
    },
  }
}

/**
 * While a Worker computes, no clock moves and no file can be looked for: here the order of the
 * events tells whether the last byte waited for the end of this.
 */
function spin(): string {
  let sum = 0
  for (let step = 0; step < 20_000_000; step += 1) sum = (sum + step) % 1_000_003
  return `spun ${sum}`
}
