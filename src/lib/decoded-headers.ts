import { isWorker } from './platform.ts'

const { Bun, Deno, process } = globalThis as {
  Bun?: object
  Deno?: object
  process?: { readonly versions?: { readonly undici?: string } }
}

/** What `fetch` decodes, as measured: anything else reaches us as it was sent. */
const decoded = codings()

function codings(): RegExp {
  if (Deno !== undefined) return /^(gzip|br)$/i
  if (Bun !== undefined) return /^(x-gzip|gzip|deflate|br|zstd)$/i
  const hasZstd = Number.parseInt(process?.versions?.undici ?? '') >= 7
  const coding = `(x-gzip|gzip|deflate|br${hasZstd ? '|zstd' : ''})`
  return new RegExp(`^${coding}( *, *${coding})*$`, 'i')
}

/**
 * The headers, without what described the bytes that `fetch` has decoded already. Workers encode them
 * anew, as the header says.
 */
export function decodedHeaders({ headers, url }: Response): Headers {
  if (isWorker || url === '' || !decoded.test(headers.get('content-encoding') ?? '')) return headers
  const kept = new Headers(headers)
  kept.delete('content-encoding')
  kept.delete('content-length')
  return kept
}
