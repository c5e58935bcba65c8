import {
  BackgroundTask,
  type Outcome,
  type TaskContext,
  type TaskDefinition,
} from '../../src/index.ts'

export const everyOutcome: readonly Outcome[] = [
  'closed',
  'cancelled',
  'errored',
  'unread',
  'thrown',
]

/** A task that notes each of its runs. */
export interface Witness {
  readonly task: BackgroundTask
  /** What it was told, a run after the other. */
  readonly contexts: readonly TaskContext[]
  /** How the response had ended, a run after the other: exactly once is one of them. */
  readonly outcomes: () => readonly Outcome[]
}

export function newWitness(definition: Partial<TaskDefinition> = {}): Witness {
  const contexts: TaskContext[] = []
  const task = new BackgroundTask({
    name: 'witness',
    when: everyOutcome,
    ...definition,
    run(context) {
      contexts.push(context)
      return definition.run?.(context)
    },
  })
  return { task, contexts, outcomes: () => contexts.map(({ outcome }) => outcome) }
}
