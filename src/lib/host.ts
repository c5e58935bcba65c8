import type { Host, WrapOptions } from './after-response.ts'

/** What the arguments of the handler tell of its host; `options` win. */
export function findHost(
  args: readonly unknown[],
  options: Pick<WrapOptions, 'waitUntil' | 'unreadTimeout'>,
): Host {
  const { waitUntil, unreadTimeout } = options
  return { request: findRequest(args[0]), waitUntil, unreadTimeout }
}

function findRequest(argument: unknown): Request | undefined {
  if (argument instanceof Request) return argument
  if (typeof argument !== 'object' || argument === null || !('request' in argument))
    return undefined
  return argument.request instanceof Request ? argument.request : undefined
}
