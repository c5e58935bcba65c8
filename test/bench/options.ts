import { parseArgs } from 'node:util'
import { type HostName, hostNames } from './http/start.ts'
import { type BenchName, benchNames } from './results.ts'

export interface Options {
  readonly benches: readonly BenchName[]
  readonly hosts: readonly HostName[]
  /** How often each row is measured, after a round that warms up. */
  readonly rounds: number
  /** Whether results and page are written. */
  readonly isWritten: boolean
}

/** `--only requests,bun` are the requests on Bun, `--only bun` all that has hosts. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '5' },
      quick: { type: 'boolean', default: false },
    },
  })
  const names = values.only.split(',').filter(Boolean)
  const benches = benchNames.filter((name) => names.includes(name))
  const hosts = hostNames.filter((name) => names.includes(name))
  const unknown = names.filter((name) => ![...benches, ...hosts].some((known) => known === name))
  if (unknown.length > 0) {
    throw new RangeError(
      `Cannot measure ${unknown.join(', ')}: pass some of ${[...benchNames, ...hostNames].join(', ')}`,
    )
  }
  const withHosts = hosts.length > 0 ? (['requests', 'streams'] as const) : benchNames
  return {
    benches: benches.length > 0 ? benches : withHosts,
    hosts: hosts.length > 0 ? hosts : hostNames,
    rounds: values.quick ? 2 : Number(values.rounds),
    isWritten: !values.quick,
  }
}
