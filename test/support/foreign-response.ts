/** A response of another implementation, as some hosts bring along. */
export class ForeignResponse {
  readonly #inner: Response
  constructor(body: BodyInit | null, init?: ResponseInit) {
    this.#inner = new globalThis.Response(body, init)
  }
  get [Symbol.toStringTag](): string {
    return 'Response'
  }
  get headers(): Headers {
    return this.#inner.headers
  }
  get status(): number {
    return this.#inner.status
  }
  get statusText(): string {
    return this.#inner.statusText
  }
  get body(): ReadableStream | null {
    return this.#inner.body
  }
  get bodyUsed(): boolean {
    return this.#inner.bodyUsed
  }
  get url(): string {
    return ''
  }
}
