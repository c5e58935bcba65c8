import { backgroundTasks } from 'background-tasks/context'
import { setTimeout } from 'node:timers/promises'
import { report } from './events'

/** Adds a task to the request's list on both sides of a wait in which other requests come in. */
export async function dependency(id: string): Promise<void> {
  backgroundTasks().addTask(report, 'dependency', id)
  await setTimeout(20)
  backgroundTasks().addTask(report, 'dependency-later', id)
}
