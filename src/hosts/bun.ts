import type { Runtime } from '../response/runtime.ts'

/** The parts of Bun used here. */
interface Inspector {
  inspect(value: unknown): string
}
interface BunMemory {
  estimateShallowMemoryUsageOf?(value: object): number
}

const { Bun, process } = globalThis as typeof globalThis & {
  Bun?: Inspector
  process?: { getBuiltinModule?(name: 'bun:jsc'): BunMemory }
}

export const isBun: boolean = Bun !== undefined

export const bun: Runtime = {
  // It cannot be told whether it has decoded: `decompress: false` leaves no trace. So what it would send
  // without us is sent.
  decoded: /(?!)/,
  tellsCancel: true,
  // Keeps a status that the constructor refuses.
  remake: (response, body) => new Response(body, response),
}

/** Counts the bytes of text, or of an array, that a response holds; where Bun can be asked. */
const heldBytes = byteCounter(Bun && process?.getBuiltinModule?.('bun:jsc'))

function byteCounter({ estimateShallowMemoryUsageOf: sizeOf }: BunMemory = {}) {
  if (sizeOf === undefined) return undefined
  const empty = sizeOf(new Response(null))
  const count = (response: Response): number => sizeOf(response) - empty
  const isExact =
    count(new Response('bytes')) === 5 && count(new Response(new ReadableStream())) === 0
  return isExact ? count : undefined
}

/**
 * Whether the body of the response is known to be no stream: a string, bytes, a file. Bun sends such a
 * body by a way of its own, with its length and its implied content type, and tells nothing of the
 * end. Looking at `body` would take that away, so this looks elsewhere.
 */
export function isStaticOnBun(response: Response): boolean {
  const { url, statusText, bodyUsed } = response
  // One from `fetch` may still be arriving, whatever Bun shows of it.
  if (url !== '' || bodyUsed) return false
  // The common case, in a small part of the time that `inspect` takes. A status text counts too.
  if (statusText === '' && heldBytes?.(response)) return true
  // `Response (5 bytes) {`, or an offset where it is a part of a file; no body is `0 KB`, which loses
  // nothing, and so is a stream, unless it is that of a request whose length is known.
  const description = Bun?.inspect(response) ?? ''
  return (
    /^Response \((?!0 KB)|\n    offset: /.test(description) &&
    !description.includes('\n  ReadableStream ')
  )
}
