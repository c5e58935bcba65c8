import { setTimeout } from 'node:timers/promises'
import type { ServerEvent } from '../../support/server-process.ts'
import type { Form, HostServer } from '../host-server.ts'

/** What one form of a case did on a host. */
export interface Measured {
  /** How the response ended, as the task was told; `no task` if it never started. */
  outcome: unknown
  /** Of what the task was told as the reason. */
  reason?: unknown
  /** The answer against the bare handler's: `same`, or what was lost and gained. */
  wire?: string
  /** Whether a task that blocks the process holds up the last byte. */
  lastByte?: 'sent before a blocking task' | 'held back by a blocking task'
  /** Whether the task started while the client still refused to read. */
  start?: 'after the client has read on' | 'while the client was not reading'
  /** What the source of the body was told. */
  source?: 'cancelled' | 'read to its end' | 'nothing'
  /** What a clone of the answer held that somebody else has read. */
  copy?: string
  /** What is still in flight when all has ended. */
  left?: readonly string[]
}

export interface Case {
  readonly name: string
  readonly forms: readonly Form[]
  /** Megabytes take their time: measured in one runtime of a host. */
  readonly isLarge?: boolean
  /** What every host does, but for the differences listed in `differences.ts`. */
  readonly standard: Measured
  measure(server: HostServer, form: Form): Promise<Measured>
}

export function lastByte(start: ServerEvent, hadEnded: boolean): NonNullable<Measured['lastByte']> {
  const { proof } = start
  const wasSent =
    typeof proof === 'string' && proof.startsWith('spun') ? !hadEnded : proof === 'released'
  return wasSent ? 'sent before a blocking task' : 'held back by a blocking task'
}

/** Gives a host its turns to see that the client is gone, and at last ends the source for it. */
export async function untilStarted(
  server: HostServer,
  id: string,
  turn: (count: number) => Promise<void> = () => server.turns(1),
): Promise<ServerEvent> {
  for (let count = 0; count < 150 && !(await server.has('task-start', id)); count += 1) {
    await turn(count)
  }
  await server.open(`${id}/source`)
  return server.until('task-start', id)
}

/** What became of the source; a host may take a good second to tell it, or never do. */
export async function sourceEnd(
  server: HostServer,
  id: string,
): Promise<NonNullable<Measured['source']>> {
  for (let count = 0; count < 300; count += 1) {
    if (await server.has('source-cancelled', id)) return 'cancelled'
    if (await server.has('source-closed', id)) return 'read to its end'
    await server.turns(1)
    await setTimeout(4)
  }
  return 'nothing'
}
