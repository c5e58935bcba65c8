// Chosen by the export condition `workerd`, where a request's timers and promises die with it and
// must not serve another one.
import { waitUntil as hold } from 'cloudflare:workers'
import type { Job } from './platform.ts'

export function nextMacrotask(job: Job): void {
  setTimeout(() => job.run(), 0)
}

export const canShareTimers: boolean = false

export const waitUntil: ((promise: Promise<unknown>) => void) | undefined = hold

// A stream of unknown length is sent in chunks, whatever its `content-length` says. The length that a
// body has of its own is behind a symbol, for `console.log` to show; a stream takes it as its
// `expectedLength`.
export function lengthOf(body: ReadableStream): bigint | undefined {
  for (const symbol of Object.getOwnPropertySymbols(Object.getPrototypeOf(body))) {
    if (symbol.description !== 'length') continue
    const length: unknown = Reflect.get(body, symbol)
    return typeof length === 'bigint' ? length : undefined
  }
  return undefined
}

export const dropsReaders: boolean = true

// The runtime encodes the bytes anew, as the header says.
export const sendsDecoded: boolean = false

/** In the request itself: its promises must not serve another one. */
export function outside(job: () => void): void {
  job()
}
