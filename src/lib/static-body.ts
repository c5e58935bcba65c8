/** The part of `Bun` used here. */
interface Inspector {
  inspect(value: unknown): string
}

const { Bun, Deno } = globalThis as typeof globalThis & { Bun?: Inspector; Deno?: object }

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

// `Response (5 bytes) {`; a stream counts as `0 KB`, and so does no body, which loses nothing.
function isStaticOnBun(response: Response, inspector: Inspector): boolean {
  const description = inspector.inspect(response)
  return description.startsWith('Response (') && !description.startsWith('Response (0 KB)')
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
