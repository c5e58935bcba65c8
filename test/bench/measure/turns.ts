import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds: short beside what changes the speed of a machine, long beside a cold cache. */
const slice = 100

/** Seconds that `turns` of so many servers take. */
export function secondsOf(servers: number, turns: number): number {
  return (servers * turns * slice) / 1000
}

/** Stops the servers, and lets one after the other run for a moment, forwards and backwards in turn. */
export async function takeTurns(servers: readonly ChildProcess[], turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    for (const server of turn % 2 === 0 ? servers : servers.toReversed()) {
      signal(server, 'SIGCONT')
      await sleep(slice)
      signal(server, 'SIGSTOP')
    }
  }
}

/** A server is the leader of a group: workerd is a child of what starts it. */
export function signal({ pid }: ChildProcess, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (pid !== undefined) process.kill(-pid, name)
}
