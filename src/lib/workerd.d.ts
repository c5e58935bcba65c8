declare module 'cloudflare:workers' {
  export function waitUntil(promise: Promise<unknown>): void
}

declare class FixedLengthStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(length: number)
}
