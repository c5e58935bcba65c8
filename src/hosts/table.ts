import type { Probe } from './find.ts'

/** Where a host keeps what is used here, in the arguments that it passes to a handler. */
interface HostRow {
  readonly request?: Probe
  /** The response of `node:http` or `node:http2`, which tells its end. */
  readonly nodeResponse?: Probe
  /** The information of Deno, which tells the end of the response. */
  readonly denoInfo?: Probe
  /** What has a `waitUntil`. */
  readonly context?: Probe
  /** What tells how long AWS Lambda lets it go on. */
  readonly lambdaContext?: Probe
}

const first: Probe = (request) => request
const event: Probe = (input) => input?.['request']
// Not that of Next.js, which throws in the edge runtime and in a proxy.
const own: Probe = (request) => (request?.['nextUrl'] === undefined ? request : undefined)

/** Structural: no package of a host is imported. What comes first is looked at first. */
const table: readonly HostRow[] = [
  // @whatwg-node/server
  {
    request: first,
    nodeResponse: (_, context) => context?.['res'],
    context: (_, context) => context,
  },
  // @hono/node-server
  { request: first, nodeResponse: (_, env) => env?.['outgoing'] },
  // srvx
  {
    request: first,
    nodeResponse: (request) => request?.['runtime']?.['node']?.['res'],
    denoInfo: (request) => request?.['runtime']?.['deno']?.['info'],
    lambdaContext: (request) => request?.['runtime']?.['awsLambda']?.['context'],
    context: own,
  },
  // h3
  {
    request: (h3) => h3?.['req'],
    nodeResponse: (h3) => h3?.['runtime']?.['node']?.['res'],
    denoInfo: (h3) => h3?.['runtime']?.['deno']?.['info'],
    // Its own does nothing where its request has none.
    context: (h3) => h3?.['req'],
  },
  // Hono
  {
    request: (c) => c?.['req']?.['raw'],
    nodeResponse: (c) => c?.['env']?.['outgoing'],
    denoInfo: (c) => c?.['env'],
    lambdaContext: (c) => c?.['env']?.['lambdaContext'],
    // A getter that throws where there is none, and a throw costs as much as all of this.
    context: (c) => (c?.['env']?.['outgoing'] ? undefined : c?.['executionCtx']),
  },
  // Deno
  { request: first, denoInfo: (_, info) => info },
  // Bun, @remix-run/node-fetch-server
  { request: first },
  // Cloudflare Workers
  { request: first, context: (_, __, context) => context },
  // Netlify
  { request: first, context: (_, context) => context },
  // Service workers
  { request: event, context: own },
  // SvelteKit
  {
    request: event,
    context: (kit) => kit?.['platform']?.['ctx'],
  },
  // SvelteKit's handle
  {
    request: (input) => input?.['event']?.['request'],
    context: (input) => input?.['event']?.['platform']?.['ctx'],
  },
  // Astro
  { request: event, context: (astro) => astro?.['locals']?.['cfContext'] },
  // React Router, Remix
  {
    request: event,
    context: (args) => args?.['context']?.['cloudflare']?.['ctx'],
  },
]

/** The places of all hosts, each once. */
export const places = {
  request: column('request'),
  nodeResponse: column('nodeResponse'),
  denoInfo: column('denoInfo'),
  context: column('context'),
  lambdaContext: column('lambdaContext'),
  /** Of adapters on Node.js alone. */
  nodeContext: column('context', ({ nodeResponse }) => nodeResponse !== undefined),
}

function column(
  name: keyof HostRow,
  isMeant: (row: HostRow) => boolean = () => true,
): readonly Probe[] {
  return [...new Set(table.filter(isMeant).flatMap((row) => row[name] ?? []))]
}
