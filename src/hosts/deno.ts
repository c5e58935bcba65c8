import type { Runtime } from '../response/runtime.ts'
import { isObject } from '../util/checks.ts'

/** The part of Deno's second argument used here. */
export interface DenoInfo {
  /** Settles when a stream has been sent, and for any other body when Deno has it. */
  readonly completed: Promise<unknown>
}

export const isDeno: boolean = 'Deno' in globalThis

export const deno: Runtime = {
  decoded: /^(gzip|br)$/i,
  tellsCancel: true,
}

export function isDenoInfo(value: unknown): value is DenoInfo {
  // Not looked at: each is made by its getter.
  return isObject(value) && 'completed' in value && 'remoteAddr' in value
}

/** Deno's own, on each of its responses. */
let inside: symbol | undefined

/** Whether the body of the response is known to be no stream: it is none, not made yet, or says so. */
export function isStaticOnDeno(response: Response): boolean {
  inside ??= Object.getOwnPropertySymbols(response).find(
    ({ description }) => description === 'response',
  )
  if (inside === undefined) return false
  const inner: { body?: { streamOrStatic?: unknown } | null } = Reflect.get(response, inside)
  return inner?.body !== undefined && !(inner.body?.streamOrStatic instanceof ReadableStream)
}
