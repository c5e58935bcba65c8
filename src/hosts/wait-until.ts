import { platformWaitUntil } from '#platform-wait-until'
import { isObject, isThenable } from '../util/checks.ts'
import { report } from '../util/report.ts'
import { find, type Probe } from './find.ts'
import { isWorker } from './workers.ts'

/** The part of a host's context used here. Workers, Netlify, srvx and service-worker events fit. */
export interface WaitUntilHost {
  /** Keeps the host alive until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
}

export type WaitUntil = (promise: Promise<unknown>) => void

/** What the platforms put on the global object. */
interface Globals {
  readonly [context: symbol]: { get?(): unknown } | undefined
  /** Supabase's is an object; that of Vercel's edge runtime is a string. */
  readonly EdgeRuntime?: unknown
  readonly Bunny?: { readonly v1?: unknown }
  /** Its context is null outside of a request. */
  readonly Netlify?: { readonly context?: unknown }
}

const globals: Globals = globalThis
const { EdgeRuntime, Bunny, Netlify } = globals

const vercel = Symbol.for('@vercel/request-context')
const next = Symbol.for('@next/request-context')
const neon = Symbol.for('@neondatabase/functions/request-context')

/** What Vercel has for the request being handled. */
export const ofVercel: Probe = () => globals[vercel]?.get?.()

const platforms: readonly Probe[] = [
  ofVercel,
  () => globals[next]?.get?.(),
  () => globals[neon]?.get?.(),
  () => EdgeRuntime,
  () => Bunny?.v1,
  () => Netlify?.context,
]

/** Whether there may be one: asked in every request, and nearly always answered with no. */
function isPlatform(): boolean {
  return (
    vercel in globals ||
    next in globals ||
    neon in globals ||
    (EdgeRuntime ?? Bunny ?? Netlify) !== undefined
  )
}

/** The `waitUntil` that needs no argument of the handler, where the platform has one. */
export function findPlatformWaitUntil(): WaitUntil | undefined {
  if (platformWaitUntil !== undefined) return platformWaitUntil
  return isPlatform() ? bound(find(platforms, [], isWaitUntilHost)) : undefined
}

/** Called as a method: Workers refuse a detached one. */
export function bound(context: WaitUntilHost | undefined): WaitUntil | undefined {
  return context && ((promise) => context.waitUntil(promise))
}

export function isWaitUntilHost(value: unknown): value is WaitUntilHost {
  return isObject(value) && 'waitUntil' in value && typeof value.waitUntil === 'function'
}

/** Tells the host to stay alive until the end of the work. */
export function hold(
  waitUntil: WaitUntil | undefined,
  work: { readonly ended: Promise<unknown> },
): void {
  if (waitUntil === undefined) return warnOnWorker()
  try {
    const returned: unknown = waitUntil(work.ended)
    if (isThenable(returned)) void Promise.resolve(returned).catch(reportUnheld)
  } catch (cause) {
    reportUnheld(cause)
  }
}

/** The tasks run without it, for as long as the host lives. */
function reportUnheld(cause: unknown): void {
  const advice = 'call it while the request is handled'
  report(
    new Error(`Cannot keep the host alive for the tasks: its waitUntil failed, ${advice}`, {
      cause,
    }),
  )
}

let hasWarned = false

/** A Worker's request ends with its response: tasks that nothing holds never run, without a word. */
function warnOnWorker(): void {
  if (hasWarned || !isWorker) return
  hasWarned = true
  console.warn(
    'Cannot keep the Worker alive for its tasks: no waitUntil was found, pass ctx or the event to the handler, or bundle modules with the export condition workerd',
  )
}
