// Chosen by the export condition `workerd`, where a request's timers and promises die with it and
// must not serve another one.
import { waitUntil as hold } from 'cloudflare:workers'
import type { Job } from './platform.ts'

export function nextMacrotask(job: Job): void {
  setTimeout(() => job.run(), 0)
}

export const canShareTimers: boolean = false

export const waitUntil: ((promise: Promise<unknown>) => void) | undefined = hold

// A stream of unknown length is sent in chunks, whatever its `content-length` says.
// https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#fixedlengthstream
export function withContentLength(body: ReadableStream, headers: Headers): ReadableStream {
  const length = headers.get('content-length')
  return length === null ? body : body.pipeThrough(new FixedLengthStream(Number(length)))
}

// The runtime encodes the bytes anew, as the header says.
export const sendsDecoded: boolean = false
