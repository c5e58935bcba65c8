import { getPriority } from 'node:os'
import { isMainThread, threadId } from 'node:worker_threads'

/** A module whose functions the tests call on another thread. */
export function whereAmI(): { isMainThread: boolean; threadId: number } {
  return { isMainThread, threadId }
}

export function threadIdAgain(): number {
  return threadId
}

export function priority(): number {
  return getPriority()
}

export async function echo<Value>(value: Value): Promise<Value> {
  return value
}

export function add(first: number, second: number): number {
  return first + second
}

export function ignore(..._values: unknown[]): void {}

/** Puts `value` at the next place of `log`, whose first element counts. */
export function append(log: Int32Array, value: number): void {
  log[Atomics.add(log, 0, 1) + 1] = value
}

/** Tells that it runs, then blocks its thread until the other side opens the gate. */
export function block(gate: Int32Array): void {
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
  Atomics.wait(gate, 1, 0)
}

export class TooLargeError extends RangeError {
  override readonly name = 'TooLargeError'
  readonly code = 'E_TOO_LARGE'
  readonly retry = (): void => {}
}

export function fail(): never {
  const root = new TypeError('the root')
  throw new TooLargeError('too large', { cause: new Error('the middle', { cause: root }) })
}

export function failNatively(): never {
  throw new TypeError('not a number')
}

export function failToWait(): never {
  throw new DOMException('too slow', 'TimeoutError')
}

/** Node 24 and newer have it. */
export const { SuppressedError } = globalThis as {
  readonly SuppressedError?: new (error: unknown, suppressed: unknown, message: string) => Error
}

export function failTwice(): never {
  if (SuppressedError === undefined) throw new Error('no SuppressedError here')
  throw new SuppressedError(new RangeError('second'), new TypeError('first'), 'both')
}

export async function failTogether(): Promise<never> {
  return Promise.any([Promise.reject(new Error('one')), Promise.reject(new Error('two'))])
}

export function failInACircle(): never {
  const error = new Error('round')
  error.cause = error
  throw error
}

export function failWith(thrown: unknown): never {
  throw thrown
}

export function returnFunction(): () => void {
  return () => {}
}

export function endProcess(): void {
  process.exit(3)
}

export function leaveErrorBehind(): void {
  setImmediate(() => {
    throw new Error('too late')
  })
}

export function fillMemory(): never {
  const kept: number[][] = []
  for (;;) kept.push(Array.from({ length: 10_000 }, () => 1))
}

export const notAFunction = 1
