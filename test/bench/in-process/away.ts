// What the package adds where a task leaves the process: a durable job against BullMQ's own `add`, a task
// on a thread against piscina's own `run`.
import { interleave } from '../measure/interleave.ts'
import { startMeasuring } from '../measure/processes.ts'
import { type Summary, ratio, summarize } from '../measure/statistics.ts'
import { startRedis } from '../../services/redis.ts'

export interface AwayRow {
  readonly what: 'job' | 'thread'
  readonly way: string
  /** A second. */
  readonly rate: number
  readonly ofAlone: Summary
  /** Microseconds of CPU each in the process that adds it. */
  readonly cpu: number
}

export interface Question {
  readonly way: string
  readonly count: number
}
export interface Answer {
  readonly milliseconds: number
  readonly cpu: number
}

const ways = {
  job: ['BullMQ alone', '`durable`'],
  thread: ['piscina alone', '`workerThread`'],
}

export async function measureAway(rounds: number): Promise<AwayRow[]> {
  const redis = await startRedis()
  try {
    return [
      ...(await measure('job', rounds, [String(redis.port)])),
      ...(await measure('thread', rounds, [])),
    ]
  } finally {
    await redis.stop()
  }
}

async function measure(what: AwayRow['what'], rounds: number, args: string[]): Promise<AwayRow[]> {
  const file = new URL(`${what}-child.ts`, import.meta.url).pathname
  const child = startMeasuring<Question, Answer>(file, { args, isPinned: what === 'job' })
  const count = 2000
  try {
    const results = await interleave(ways[what], rounds, (way) => child.ask({ way, count }))
    const rates = (measured: readonly Answer[]): number[] =>
      measured.map(({ milliseconds }) => (count * 1000) / milliseconds)
    const [alone = []] = results.values()
    return [...results].map(([way, own]) => ({
      what,
      way,
      rate: summarize(rates(own)).median,
      ofAlone: ratio(rates(own), rates(alone)),
      cpu: summarize(own.map(({ cpu }) => cpu / count)).median,
    }))
  } finally {
    await child.stop()
  }
}
