// Time to add and to run the tasks of one list, from one task to 100,000.
import { interleave } from '../measure/interleave.ts'
import { startMeasuring } from '../measure/processes.ts'
import { type Summary, ratio, summarize } from '../measure/statistics.ts'

export interface ListsRow {
  readonly kind: Kind
  readonly tasks: number
  /** Microseconds a task. */
  readonly perTask: number
  /** The time of the whole list as a multiple of that of a list of a tenth of the tasks. */
  readonly ofTenth: Summary | undefined
}

export type Kind = 'sync' | 'async'
export interface Question {
  readonly kind: Kind
  readonly tasks: number
}

const sizes = [1, 10, 100, 1000, 10_000, 100_000]

export async function measureLists(rounds: number): Promise<ListsRow[]> {
  const child = startMeasuring<Question, number>(
    new URL('lists-child.ts', import.meta.url).pathname,
    {
      nodeOptions: ['--expose-gc'],
    },
  )
  try {
    const questions = (['sync', 'async'] as const).flatMap((kind) =>
      sizes.map((tasks): Question => ({ kind, tasks })),
    )
    const results = await interleave(questions, rounds, (question) => child.ask(question))
    return questions.map(({ kind, tasks }) => {
      const of = (size: number): number[] | undefined =>
        [...results].find(([key]) => key.kind === kind && key.tasks === size)?.[1]
      const own = of(tasks) ?? []
      const tenth = of(tasks / 10)
      return {
        kind,
        tasks,
        perTask: summarize(own).median / tasks,
        ofTenth: tenth && ratio(own, tenth),
      }
    })
  } finally {
    await child.stop()
  }
}
