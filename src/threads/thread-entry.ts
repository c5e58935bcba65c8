import { getPriority, setPriority } from 'node:os'
import { isMainThread, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { type EncodedError, encodeError } from './thread-error.ts'

/** What the pool asks of a thread. */
export interface ThreadCall {
  /** The address of the module. */
  readonly module: string
  /** The export to call. */
  readonly name: string
  /** Holds the array of arguments, and gets the reply. */
  readonly port: MessagePort
}

/** What the thread leaves in the port. */
export type ThreadReply =
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'thrown'; readonly error: EncodedError }
  | { readonly type: 'no module'; readonly error: EncodedError }
  | { readonly type: 'no function' }
  | { readonly type: 'uncloneable' }

// Elsewhere than on Linux a priority is one of the whole process, the server's too.
// https://man7.org/linux/man-pages/man2/setpriority.2.html#BUGS
if (!isMainThread && process.platform === 'linux') lowerPriority()

/**
 * What piscina calls in the thread. The reply goes through the port of the call, because piscina
 * clones an error as it is, which loses its name, and ends the thread when a result has no clone.
 */
export default async function runInThread(call: ThreadCall): Promise<void> {
  const reply = await replyTo(call)
  try {
    call.port.postMessage(reply, [])
  } catch {
    call.port.postMessage({ type: 'uncloneable' } satisfies ThreadReply, [])
  }
}

async function replyTo({ module, name, port }: ThreadCall): Promise<ThreadReply> {
  let exports: Readonly<Record<string, unknown>>
  try {
    exports = await import(module)
  } catch (error) {
    return { type: 'no module', error: encodeError(error) }
  }
  const fn = exports[name]
  if (typeof fn !== 'function') return { type: 'no function' }
  try {
    return { type: 'result', result: await fn(...receiveMessageOnPort(port)?.message) }
  } catch (error) {
    return { type: 'thrown', error: encodeError(error) }
  }
}

/** Lets the server go first where there are not enough cores for both. */
function lowerPriority(): void {
  try {
    setPriority(Math.min(getPriority() + 10, 19))
  } catch {
    // Deno asks for a permission.
  }
}
