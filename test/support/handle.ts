import { handle } from '../../src/handler/handle.ts'
import type { Host } from '../../src/hosts/host.ts'
import type { BackgroundTasks } from '../../src/index.ts'
import { inside } from '../../src/tasks/item.ts'

/** Calls a handler with the list, on a host that is given. */
export function handleOn<Result>(
  tasks: BackgroundTasks,
  host: Host,
  handler: () => Result,
): Promise<Awaited<Result>> {
  const list = tasks[inside]
  list.handle()
  return Promise.resolve(handle({ tasks, list, host }, handler)) as Promise<Awaited<Result>>
}
