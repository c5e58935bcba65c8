import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { installRuntime } from '../../hosts/install.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { cores, pinned } from '../measure/processes.ts'
import { commonWays, type Setup } from './handlers.ts'

/** The hosts, as the tables name them, and the ways that are theirs alone. */
export const hosts = {
  'whatwg-node': { title: '@whatwg-node/server', ways: ['on-finished', 'waitUntil'] },
  srvx: { title: 'srvx', ways: ['on-finished', 'waitUntil'] },
  'hono-node-server': { title: '@hono/node-server', ways: ['on-finished'] },
  hono: { title: 'Hono', ways: ['on-finished'] },
  h3: { title: 'h3', ways: ['onDispose', 'on-finished', 'waitUntil'] },
  bun: { title: 'Bun', ways: [] },
  elysia: { title: 'Elysia', ways: ['elysia-background'] },
  deno: { title: 'Deno', ways: [] },
  workerd: { title: 'workerd', ways: ['waitUntil'] },
} satisfies Record<string, { title: string; ways: string[] }>

export type HostName = keyof typeof hosts
export const hostNames = Object.keys(hosts).filter((name) => name in hosts) as HostName[]

/** Hosts that tell when a response is over: there the budgets count. */
export const signalHosts: readonly HostName[] = [
  'whatwg-node',
  'srvx',
  'hono-node-server',
  'hono',
  'h3',
  'deno',
]

export function waysOf(host: HostName): string[] {
  return [...commonWays, ...hosts[host].ways]
}

export interface Server extends ServerProcess {
  /** Ends it, and tells how many tasks have run in it. */
  readonly finish: () => Promise<number>
}

/** Starts one way of one host in a process of its own, on the server's core. */
export async function start(host: HostName, setup: Setup): Promise<Server> {
  const server = await startServer(pinned(cores.server, await command(host, setup)), {
    isReady: accepts,
  })
  const finish = async (): Promise<number> => {
    if (host === 'workerd') {
      const { tasks } = await (await fetch(`http://127.0.0.1:${server.port}/done`)).json()
      await server.stop()
      return tasks
    }
    await server.stop('SIGTERM')
    const [, tasks] = /@event {"type":"done","tasks":(\d+)}/.exec(server.output()) ?? []
    if (tasks === undefined) throw new Error(`${host} has ended without a word: ${server.output()}`)
    return Number(tasks)
  }
  return { ...server, finish }
}

/** No request: elysia-background ends the process at one without a route. */
async function accepts(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}

async function command(host: HostName, setup: Setup): Promise<string[]> {
  const args = [fileURLToPath(new URL('server.ts', import.meta.url)), host, JSON.stringify(setup)]
  switch (host) {
    case 'bun':
    case 'elysia':
      return [await installRuntime('bun'), ...args]
    case 'deno':
      return [await installRuntime('deno'), 'run', '--allow-all', '--no-check', ...args]
    case 'workerd': {
      const launcher = new URL('../../hosts/launch-workerd.ts', import.meta.url)
      const flags = 'nodejs_als,enable_request_signal'
      return [process.execPath, fileURLToPath(launcher), await bundle(setup), 'esm', flags]
    }
    default:
      return [process.execPath, ...args]
  }
}

async function bundle(setup: Setup): Promise<string> {
  const folder = fileURLToPath(new URL('../.bundles/', import.meta.url))
  await mkdir(folder, { recursive: true })
  const name = [setup.way, setup.isAsync ? 'async' : 'sync', setup.payload].join('-')
  const outfile = `${folder}${name.replaceAll(' ', '-')}.mjs`
  await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    mainFields: ['module', 'main'],
    define: { SETUP: JSON.stringify(setup) },
    outfile,
    logLevel: 'error',
  })
  return outfile
}
