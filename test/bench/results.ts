import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import rootPackage from '../../package.json' with { type: 'json' }
import hostsPackage from '../hosts/package.json' with { type: 'json' }
import bunPackage from '../hosts/runtimes/bun/package.json' with { type: 'json' }
import denoPackage from '../hosts/runtimes/deno/package.json' with { type: 'json' }
import type { RequestsRow } from './http/requests.ts'
import type { StreamsRow } from './http/streams.ts'
import type { AwayRow } from './in-process/away.ts'
import type { ListsRow } from './in-process/lists.ts'
import type { RequestRow } from './in-process/request.ts'
import type { WaitingRow } from './in-process/waiting.ts'
import ownPackage from './package.json' with { type: 'json' }

/** What was measured last: `docs/performance.md` is drawn from it. */
export interface Results {
  readonly machine?: Machine
  request: readonly RequestRow[]
  requests: readonly RequestsRow[]
  streams: readonly StreamsRow[]
  lists: readonly ListsRow[]
  waiting: readonly WaitingRow[]
  away: readonly AwayRow[]
}

export type BenchName = Exclude<keyof Results, 'machine'>
export const benchNames = [
  'request',
  'requests',
  'streams',
  'lists',
  'waiting',
  'away',
] as const satisfies readonly BenchName[]

export interface Machine {
  readonly date: string
  readonly processor: string
  readonly cores: number
  readonly kernel: string
  /** Of the runtimes and the packages that are compared. */
  readonly versions: Readonly<Record<string, string>>
}

const file = new URL('results.json', import.meta.url)
const installed: Readonly<Record<string, string>> = {
  ...rootPackage.devDependencies,
  ...hostsPackage.dependencies,
  ...ownPackage.dependencies,
  ...bunPackage.dependencies,
  ...denoPackage.dependencies,
}
const compared = [
  '@whatwg-node/server',
  'srvx',
  '@hono/node-server',
  'hono',
  'h3',
  'elysia',
  'elysia-background',
  'on-finished',
  'bun',
  'deno',
  'miniflare',
  'bullmq',
  'piscina',
] as const

export function thisMachine(): Machine {
  const [processor] = cpus()
  const versions = compared.map((name) => [name, installed[name] ?? 'unknown'])
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: processor?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release().replace(/-.*/, ''),
    versions: { node: process.versions.node, ...Object.fromEntries(versions) },
  }
}

export function readResults(): Results {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** A row of a bench in each line. */
export function writeResults({ machine, ...benches }: Results): void {
  const parts = Object.entries(benches).map(([name, rows]) => {
    const lines = rows.map((row: object) => `\n    ${JSON.stringify(row, round)}`)
    return `  "${name}": [${lines.join()}\n  ]`
  })
  const first = `  "machine": ${JSON.stringify(machine)}`
  writeFileSync(file, `{\n${[first, ...parts].join(',\n')}\n}\n`)
}

/** More digits than the spread leaves are noise in a diff. */
function round(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value
}
