import { fileURLToPath } from 'node:url'
import { bundle, bundleForWorkers } from './bundle.ts'
import { type Client, http1, http2 } from './clients.ts'
import { installNode, type NodeMajor, nodeMajors } from './install-runtimes.ts'

/** One way to start a host's server. */
export interface Runtime {
  readonly name: string
  readonly command: () => Promise<string[]>
}

export interface HostUnderTest {
  /** As the table of the docs names it. */
  readonly title: string
  readonly client: Client
  readonly runtimes: readonly Runtime[]
  /** Whether the app of the starter can answer a WebSocket handshake. */
  readonly hasUpgrade?: boolean
}

const bin = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url))
const workerConditions = ['workerd', 'worker', 'browser']

export const hosts = {
  'whatwg-node': node('@whatwg-node/server', 'whatwg-node', { since: 22 }),
  'whatwg-node-ponyfill': node('@whatwg-node/server, its own Response', 'whatwg-node-ponyfill', {
    since: 22,
  }),
  srvx: node('srvx', 'srvx'),
  'srvx-fast-response': node('srvx, FastResponse', 'srvx-fast-response'),
  'hono-node-server': node('@hono/node-server', 'hono-node-server'),
  hono: node('Hono on @hono/node-server', 'hono'),
  h3: node('h3', 'h3'),
  'node-fetch-server': node('@remix-run/node-fetch-server', 'node-fetch-server'),
  http2: node('node:http2 through srvx', 'http2', { client: http2 }),
  'http2-whatwg-node': node('node:http2 through @whatwg-node/server', 'http2-whatwg-node', {
    since: 22,
    client: http2,
  }),
  bun: {
    title: 'Bun',
    client: http1,
    hasUpgrade: true,
    runtimes: [
      { name: 'Bun', command: async () => [`${bin}bun`, await bundle('starters/bun.ts')] },
    ],
  },
  deno: {
    title: 'Deno',
    client: http1,
    hasUpgrade: true,
    runtimes: [
      {
        name: 'Deno',
        command: async () => [`${bin}deno`, 'run', '-A', await bundle('starters/deno.ts')],
      },
    ],
  },
  workerd: worker('Cloudflare Workers, with enable_request_signal', 'workerd', [
    'nodejs_als',
    'enable_request_signal',
  ]),
  'workerd-without-ctx': worker('Cloudflare Workers, ctx not passed on', 'workerd-without-ctx', [
    'nodejs_als',
  ]),
} satisfies Record<string, HostUnderTest>

export type HostName = keyof typeof hosts

function node(
  title: string,
  starter: string,
  options: { since?: NodeMajor; client?: Client } = {},
): HostUnderTest {
  const { since = 20, client = http1 } = options
  return {
    title,
    client,
    runtimes: nodeMajors
      .filter((major) => major >= since)
      .map((major) => ({
        name: `Node ${major}`,
        command: async () => [await installNode(major), await bundle(`starters/${starter}.ts`)],
      })),
  }
}

function worker(title: string, starter: string, flags: string[]): HostUnderTest {
  return {
    title,
    client: http1,
    hasUpgrade: true,
    runtimes: [
      {
        name: 'workerd',
        command: async () => [
          `${bin}node`,
          fileURLToPath(new URL('launch-workerd.ts', import.meta.url)),
          await bundleForWorkers(`starters/${starter}.ts`, workerConditions),
          flags.join(),
        ],
      },
    ],
  }
}
