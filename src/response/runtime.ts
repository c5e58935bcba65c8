/** What a runtime does with responses that the standard does not say. */
export interface Runtime {
  /** Matches the `content-encoding` of what its `fetch` has decoded; anything else came as it was sent. */
  readonly decoded: RegExp
  /** Whether the reader of a body that is cancelled says so. Otherwise it may just never read on. */
  readonly tellsCancel: boolean
  /** The length of a body that it would not send for another stream with the same headers. */
  lengthOf?(body: ReadableStream, headers: Headers): bigint | undefined
  /** Gives a response a status that its constructor refuses, where it is not sent as a property. */
  setStatus?(response: Response, status: number, statusText: string): void
  /** The response again with another body, where that keeps more than a response made anew. */
  remake?(response: Response, body: ReadableStream): Response
}
