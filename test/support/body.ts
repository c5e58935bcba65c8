type Parts = AsyncIterable<string> | Iterable<string>

/** A body made of `parts`, one chunk each; a part is made when it is asked for. */
export function bodyOf(parts: Parts): ReadableStream<Uint8Array> {
  const iterator = iterate(parts)
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next()
        if (done === true) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      async cancel(reason) {
        await iterator.return(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/** The reader of a body that is there. */
export function readerOf(response: Response): ReadableStreamDefaultReader<Uint8Array> {
  if (response.body === null) throw new Error('The response has no body')
  return response.body.getReader()
}

/** Reads on until `text` has arrived, and returns all that has. */
export async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  text: string,
): Promise<string> {
  const decoder = new TextDecoder()
  let received = ''
  while (!received.endsWith(text)) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`The body ended before '${text}', with '${received}'`)
    received += decoder.decode(value, { stream: true })
  }
  return received
}

/** Reads what is left. */
export async function readRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let received = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return received
    received += decoder.decode(value, { stream: true })
  }
}

async function* iterate(parts: Parts): AsyncGenerator<string> {
  yield* parts
}
