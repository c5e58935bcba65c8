// The part of Next.js used here, so that the package builds without its 330 MB.
// test/types/next.test-d.ts assigns the real one.
declare module 'next/server.js' {
  export function after<T>(task: Promise<T> | (() => T | Promise<T>)): void
}
