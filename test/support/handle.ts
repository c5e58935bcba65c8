import { Handling } from '../../src/handler/handling.ts'
import { HandlerHost, type Host } from '../../src/hosts/host.ts'
import type { BackgroundTasks } from '../../src/index.ts'
import { defaultOptions } from '../../src/tasks/list-options.ts'

/** Begins a request of a host that passes these arguments. */
export function beginRequest(...args: readonly unknown[]): Handling {
  const handling = new Handling(defaultOptions, new HandlerHost(args, undefined), undefined)
  handling.list.handle(handling)
  return handling
}

/** Calls a handler with its list, on a host that is given. */
export function handleOn<Result>(
  host: Host,
  handler: (tasks: BackgroundTasks) => Result,
): Promise<Awaited<Result>> {
  const handling = beginRequest()
  handling.host = host
  const answer = handling.handle(() => handler(handling.tasks))
  return Promise.resolve(answer) as Promise<Awaited<Result>>
}
