// Microseconds of CPU and bytes of a request on a fake host. A server adds so much of its own that a
// third of a microsecond does not show in its requests per second; here it does.
import { interleave } from '../measure/interleave.ts'
import { type MeasuringProcess, startMeasuring } from '../measure/processes.ts'
import { type Summary, ratio, summarize } from '../measure/statistics.ts'

export interface RequestRow {
  readonly way: string
  readonly isAsync: boolean
  /** Microseconds of CPU a request, and how many more than the bare handler's. */
  readonly cpu: number
  readonly beyondBare: Summary
  readonly ofFloor: Summary
  /** Bytes allocated a request beyond the bare handler's. */
  readonly bytes: number
}

export interface Question {
  readonly requests: number
}
export interface Answer {
  /** Microseconds of CPU. */
  readonly cpu: number
  /** Bytes allocated, if no garbage was collected meanwhile. */
  readonly bytes: number
}

interface Subject {
  readonly way: string
  readonly isAsync: boolean
  readonly child: MeasuringProcess<Question, Answer>
}

const ways = ['bare', 'floor', 'no task', 'sync task', 'async task', 'provided']
const file = new URL('request-child.ts', import.meta.url).pathname

export async function measureRequest(rounds: number): Promise<RequestRow[]> {
  const subjects = [false, true].flatMap((isAsync) =>
    ways.map((way): Subject => {
      const args = [way, String(isAsync)]
      return { way, isAsync, child: startMeasuring(file, { nodeOptions: ['--expose-gc'], args }) }
    }),
  )
  try {
    for (const { child } of subjects) await child.ask({ requests: 100_000 })
    const requests = 50_000
    const results = await interleave(subjects, rounds, async ({ child }) => {
      const { cpu } = await child.ask({ requests })
      return cpu / requests
    })
    const rows: RequestRow[] = []
    for (const [subject, own] of results) {
      const of = (way: string): number[] =>
        [...results].find(([key]) => key.way === way && key.isAsync === subject.isAsync)?.[1] ?? []
      const bare = of('bare')
      const bytesBare = await bytesOf('bare', subject.isAsync)
      rows.push({
        way: subject.way,
        isAsync: subject.isAsync,
        cpu: summarize(own).median,
        beyondBare: summarize(own.map((cpu, round) => cpu - (bare[round] ?? NaN))),
        ofFloor: ratio(own, of('floor')),
        bytes: (await bytesOf(subject.way, subject.isAsync)) - bytesBare,
      })
    }
    return rows
  } finally {
    for (const { child } of subjects) await child.stop()
  }
}

/** In a process of its own, whose young generation takes all of them at once. */
async function bytesOf(way: string, isAsync: boolean): Promise<number> {
  const young = ['--min-semi-space-size=256', '--max-semi-space-size=256']
  const args = [way, String(isAsync)]
  const child = startMeasuring<Question, Answer>(file, {
    nodeOptions: ['--expose-gc', ...young],
    args,
  })
  try {
    await child.ask({ requests: 100_000 })
    const requests = 10_000
    return (await child.ask({ requests })).bytes / requests
  } finally {
    await child.stop()
  }
}
