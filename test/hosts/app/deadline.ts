import type { BackgroundTasks, BackgroundTaskError, HandlerOptions } from 'background-tasks'
import { pause, report } from './control.ts'

/** Adds a task that ends when it is told to, two after it, and a cleanup that takes some time. */
export function addTooMuch(tasks: BackgroundTasks, id: string): void {
  tasks.addTask({
    name: 'resize',
    run: async ({ signal }) => {
      while (!signal.aborted) await pause(5)
      report('aborted', id, { reason: String(signal.reason) })
    },
  })
  for (const name of ['notify', 'log']) {
    tasks.addTask({ name, run: () => report('ran', id, { name }) })
  }
  tasks.defer(async () => {
    await pause(20)
    report('cleaned', id)
  })
}

/** What its user hears. */
export const reporting = {
  onError: ({ message, skipped }: BackgroundTaskError) =>
    report('failed', '', { message, skipped }),
} satisfies HandlerOptions
