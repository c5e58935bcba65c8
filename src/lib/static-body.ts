/** The parts of Bun used here. */
interface Inspector {
  inspect(value: unknown): string
}
interface BunMemory {
  estimateShallowMemoryUsageOf?(value: object): number
}

const { Bun, Deno, process } = globalThis as typeof globalThis & {
  Bun?: Inspector
  Deno?: object
  process?: { getBuiltinModule?(name: 'bun:jsc'): BunMemory }
}

/**
 * Whether the body of the answer is known to be no stream: a string, bytes, a file. Bun and Deno send
 * such a body by a way of their own, with its length and its implied content type; looking at `body`
 * would take that away, so this looks elsewhere. False where nothing can be known.
 */
export function isStatic(answer: unknown): boolean {
  if (!(answer instanceof Response)) return false
  if (Bun !== undefined) return isStaticOnBun(answer, Bun)
  return Deno !== undefined && isStaticOnDeno(answer)
}

/** Counts the bytes of text, or of an array, that a response of Bun holds; where Bun can be asked. */
const heldBytes = byteCounter(Bun && process?.getBuiltinModule?.('bun:jsc'))

function byteCounter({ estimateShallowMemoryUsageOf: sizeOf }: BunMemory = {}) {
  if (sizeOf === undefined) return undefined
  const empty = sizeOf(new Response(null))
  const count = (response: Response): number => sizeOf(response) - empty
  const isExact =
    count(new Response('bytes')) === 5 && count(new Response(new ReadableStream())) === 0
  return isExact ? count : undefined
}

function isStaticOnBun(response: Response, inspector: Inspector): boolean {
  const { url, statusText, bodyUsed } = response
  // One from `fetch` may still be arriving, whatever Bun shows of it.
  if (url !== '' || bodyUsed) return false
  // The common case, in a small part of the time that `inspect` takes. A status text counts too.
  if (statusText === '' && heldBytes?.(response)) return true
  // `Response (5 bytes) {`, or an offset where it is a part of a file; no body is `0 KB`, which loses
  // nothing, and so is a stream, unless it is that of a request whose length is known.
  const description = inspector.inspect(response)
  return (
    /^Response \((?!0 KB)|\n    offset: /.test(description) &&
    !description.includes('\n  ReadableStream ')
  )
}

/** Deno's own, on each of its responses. */
let inside: symbol | undefined

// Behind that symbol: a body that is none, is not made yet, or says what it is made of.
function isStaticOnDeno(response: Response): boolean {
  inside ??= Object.getOwnPropertySymbols(response).find(
    ({ description }) => description === 'response',
  )
  if (inside === undefined) return false
  const inner: { body?: { streamOrStatic?: unknown } | null } = Reflect.get(response, inside)
  return inner?.body !== undefined && !(inner.body?.streamOrStatic instanceof ReadableStream)
}
