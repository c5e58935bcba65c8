import { waitUntil as platformWaitUntil } from '#platform'

/** The part of a host's context used here. Workers, Netlify, srvx and service-worker events fit. */
export interface WaitUntilHost {
  /** Keeps the host alive until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
}

/** What the platforms put on the global object. */
interface Globals {
  readonly [context: symbol]: { get?(): unknown } | undefined
  readonly EdgeRuntime?: unknown
  readonly Bunny?: { readonly v1?: unknown }
  readonly navigator?: { readonly userAgent?: unknown }
}

const globals = globalThis as Globals

const contexts = [
  Symbol.for('@vercel/request-context'),
  Symbol.for('@next/request-context'),
  Symbol.for('@neondatabase/functions/request-context'),
]

let hasWarned = false

/** The `waitUntil` that needs no argument of the handler, where the platform has one. */
export function findGlobalWaitUntil(): ((promise: Promise<unknown>) => void) | undefined {
  if (platformWaitUntil !== undefined) return platformWaitUntil
  for (const context of contexts) {
    const found = contextOf(context)
    if (isWaitUntilHost(found)) return bound(found)
  }
  // Supabase's is a constructorless object, that of Vercel's edge runtime a string.
  if (isWaitUntilHost(globals.EdgeRuntime)) return bound(globals.EdgeRuntime)
  if (isWaitUntilHost(globals.Bunny?.v1)) return bound(globals.Bunny.v1)
  warnOnWorkers()
  return undefined
}

function contextOf(key: symbol): unknown {
  try {
    return globals[key]?.get?.()
  } catch {
    // Outside of a request: absent.
    return undefined
  }
}

/** Called as a method: Workers refuse a detached one. */
export function bound(context: WaitUntilHost): (promise: Promise<unknown>) => void {
  return (promise) => context.waitUntil(promise)
}

export function isWaitUntilHost(value: unknown): value is WaitUntilHost {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'waitUntil') === 'function'
  )
}

// A Worker's request ends with its response: tasks that nothing holds never run, without a word.
function warnOnWorkers(): void {
  if (hasWarned || globals.navigator?.userAgent !== 'Cloudflare-Workers') return
  hasWarned = true
  console.warn(
    'Cannot keep the Worker alive for its tasks: no waitUntil was found, pass ctx to the handler or bundle with the export condition workerd',
  )
}
