/** A body in the hands of the test. */
export interface Source {
  readonly response: Response
  readonly enqueue: (text: string) => void
  readonly close: () => void
  readonly error: (reason?: unknown) => void
  /** How often a chunk was asked for. */
  readonly pulls: () => number
  /** The reasons of all cancels. */
  readonly cancels: () => readonly unknown[]
}

export function newSource(init?: ResponseInit): Source {
  let pulls = 0
  const cancels: unknown[] = []
  const encoder = new TextEncoder()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      pull() {
        pulls += 1
      },
      cancel(reason) {
        cancels.push(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return {
    response: new Response(body, init),
    enqueue: (text) => controller?.enqueue(encoder.encode(text)),
    close: () => controller?.close(),
    error: (reason) => controller?.error(reason),
    pulls: () => pulls,
    cancels: () => cancels,
  }
}
