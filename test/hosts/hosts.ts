import { bundle } from './bundle.ts'
import { type Client, http1, http2 } from './clients.ts'
import { installNode, installRuntime, type NodeMajor, nodeMajors } from './install.ts'
import { workerCommand, type WorkerOptions } from './workers.ts'

/** One way to run a file of `starters/` or `examples/`. */
export interface Runtime {
  readonly name: string
  readonly command: (source: string) => Promise<string[]>
}

export interface HostUnderTest {
  /** As the table of the docs names it. */
  readonly title: string
  readonly starter: string
  /** The lines of the docs, if they are its own. */
  readonly example?: string
  readonly client: Client
  /** The forms that are its own, if it has not all. */
  readonly forms?: readonly ('with' | 'provide')[]
  readonly runtimes: readonly Runtime[]
  /** Whether answers wait for each other on one connection, while their handlers run. */
  readonly hasQueue?: boolean
  /** Whether the app of the starter can answer a WebSocket handshake. */
  readonly hasUpgrade?: boolean
}

export const hosts = {
  'whatwg-node': node('@whatwg-node/server', 'whatwg-node', { since: 22, example: 'whatwg-node' }),
  'whatwg-node-ponyfill': node(
    '@whatwg-node/server with its own Response',
    'whatwg-node-ponyfill',
    {
      since: 22,
    },
  ),
  srvx: node('srvx', 'srvx', { example: 'srvx' }),
  'srvx-fast-response': node('srvx with FastResponse', 'srvx-fast-response'),
  'hono-node-server': node('@hono/node-server', 'hono-node-server', {
    example: 'hono-node-server',
  }),
  hono: node('Hono on @hono/node-server', 'hono'),
  'hono-srvx': node('Hono on srvx', 'hono-srvx'),
  'hono-whatwg-node': node('Hono on @whatwg-node/server', 'hono-whatwg-node'),
  h3: node('h3', 'h3'),
  'node-fetch-server': node('@remix-run/node-fetch-server', 'node-fetch-server', {
    example: 'node-fetch-server',
  }),
  http2: node('node:http2 through srvx', 'http2', { client: http2 }),
  'http2-whatwg-node': node('node:http2 through @whatwg-node/server', 'http2-whatwg-node', {
    since: 22,
    client: http2,
    example: 'http2',
  }),
  bun: { ...bun('Bun', 'bun'), example: 'bun' },
  deno: { ...deno('Deno', 'deno'), example: 'deno' },
  workerd: worker('Cloudflare Workers with enable_request_signal', 'workerd', {
    flags: ['nodejs_als', 'enable_request_signal'],
  }),
  'workerd-without-ctx': worker('Cloudflare Workers without flag and ctx', 'workerd-without-ctx', {
    flags: ['nodejs_als'],
  }),
  'workerd-without-condition': worker(
    'Cloudflare Workers without the condition',
    'workerd-without-condition',
    { flags: ['nodejs_als', 'enable_request_signal'], conditions: [] },
  ),
  'hono-middleware': middleware(node("Hono's middleware on @hono/node-server", 'hono-middleware')),
  'hono-http2': middleware(
    node("Hono's middleware on node:http2", 'hono-http2', { client: http2 }),
  ),
  'hono-bun': middleware(bun("Hono's middleware on Bun", 'hono-bun')),
  'hono-deno': middleware(deno("Hono's middleware on Deno", 'hono-deno')),
  'hono-workerd': middleware(
    worker("Hono's middleware on Cloudflare Workers", 'hono-workerd', {
      flags: ['nodejs_als', 'enable_request_signal'],
      conditions: [],
    }),
  ),
} satisfies Record<string, HostUnderTest>

export type HostName = keyof typeof hosts

function node(
  title: string,
  starter: string,
  options: { since?: NodeMajor; client?: Client; example?: string } = {},
): HostUnderTest {
  const { since = 20, client = http1, ...rest } = options
  return {
    ...rest,
    title,
    starter,
    client,
    hasQueue: client === http1,
    runtimes: nodeMajors
      .filter((major) => major >= since)
      .map((major) => ({
        name: `Node ${major}`,
        command: async (source) => [await installNode(major), await bundle(source)],
      })),
  }
}

function bun(title: string, starter: string): HostUnderTest {
  return {
    title,
    starter,
    client: http1,
    hasUpgrade: true,
    runtimes: [
      {
        name: 'Bun',
        command: async (source) => [await installRuntime('bun'), await bundle(source)],
      },
    ],
  }
}

function deno(title: string, starter: string): HostUnderTest {
  return {
    title,
    starter,
    client: http1,
    hasUpgrade: true,
    runtimes: [
      {
        name: 'Deno',
        command: async (source) => [
          await installRuntime('deno'),
          'run',
          '-A',
          await bundle(source),
        ],
      },
    ],
  }
}

/** One that gives a list to the handlers of a framework: these wrap nothing. */
function middleware(host: HostUnderTest): HostUnderTest {
  return { ...host, forms: ['with', 'provide'] }
}

function worker(title: string, starter: string, options: WorkerOptions): HostUnderTest {
  return {
    title,
    starter,
    example: 'workerd',
    client: http1,
    hasUpgrade: true,
    runtimes: [{ name: 'workerd', command: (source) => workerCommand(source, options) }],
  }
}
