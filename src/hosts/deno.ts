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
  setStatus(response, status, statusMessage) {
    Object.assign(insideOf(response) ?? {}, { status, statusMessage })
  },
}

export function isDenoInfo(value: unknown): value is DenoInfo {
  // Not looked at: each is made by its getter.
  return isObject(value) && 'completed' in value && 'remoteAddr' in value
}

/** Whether the body of the response is known to be no stream: it is none, not made yet, or says so. */
export function isStaticOnDeno(response: Response): boolean {
  const body = insideOf(response)?.body
  return body !== undefined && !(body?.streamOrStatic instanceof ReadableStream)
}

/** What Deno has behind a symbol of its own, on each of its responses. */
interface Inside {
  readonly body?: { readonly streamOrStatic?: unknown } | null
}

let symbol: symbol | undefined

function insideOf(response: Response): Inside | undefined {
  symbol ??= Object.getOwnPropertySymbols(response).find(
    ({ description }) => description === 'response',
  )
  return symbol && Reflect.get(response, symbol)
}
