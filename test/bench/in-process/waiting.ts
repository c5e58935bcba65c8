// What a response that waits takes beyond a bare one, with a list and a task on it.
import { startMeasuring } from '../measure/processes.ts'

export interface WaitingRow {
  readonly way: WaitingWay
  /** Bytes each beyond the bare ones, while all of them wait, and after their tasks have run. */
  readonly waiting: number
  readonly left: number
}

export type WaitingWay = keyof typeof waitingWays
export const waitingWays = {
  stream: 'a second stream and response of Node, whatever they are for',
  wrap: '`wrap`',
  completed: '`wrap` with `completed`',
  signal: '`withBackgroundTasks` on a host that tells the end',
  floor: 'the floor on such a host',
} as const

/** `bare` has only responses, `host` those of Node beside them. */
export type Question = { readonly way: WaitingWay | 'bare' | 'host'; readonly responses: number }
export interface Answer {
  readonly waiting: number
  readonly left: number
}

const file = new URL('waiting-child.ts', import.meta.url).pathname

export async function measureWaiting(responses: number): Promise<WaitingRow[]> {
  const bases = { bare: await measure('bare', responses), host: await measure('host', responses) }
  const rows: WaitingRow[] = []
  for (const way of Object.keys(waitingWays) as WaitingWay[]) {
    const base = way === 'signal' || way === 'floor' ? bases.host : bases.bare
    const { waiting, left } = await measure(way, responses)
    rows.push({ way, waiting: waiting - base.waiting, left: left - base.left })
  }
  return rows
}

async function measure(way: Question['way'], responses: number): Promise<Answer> {
  const child = startMeasuring<Question, Answer>(file, { nodeOptions: ['--expose-gc'] })
  try {
    // Once before, so that what is made only once is not counted.
    await child.ask({ way, responses: 1000 })
    return await child.ask({ way, responses })
  } finally {
    await child.stop()
  }
}
