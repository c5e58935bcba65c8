import { isDenoInfo } from './deno.ts'
import type { Probe, Unknown } from './find.ts'

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
const second: Probe = (_, context) => context
const third: Probe = (_, __, context) => context
const event: Probe = (input) => input?.['request']
// Beside what resolves it: Hono has a getter of that name which throws, and a throw costs as much as all
// of this.
const eventOf = (input?: Unknown): Unknown | undefined => input?.['resolve'] && input['event']
// Not that of Next.js, which throws in the edge runtime and in a proxy; nor that of an event of h3.
const own: Probe = (it) => ((it?.['nextUrl'] ?? it?.['req']) ? undefined : it)

/** Of hosts that pass a request as the first argument. */
const fetchHosts: readonly HostRow[] = [
  // @whatwg-node/server
  { request: first, nodeResponse: (_, context) => context?.['res'], context: second },
  // @hono/node-server
  { nodeResponse: (_, env) => env?.['outgoing'] },
  // srvx
  {
    nodeResponse: (request) => request?.['runtime']?.['node']?.['res'],
    denoInfo: (request) => request?.['runtime']?.['deno']?.['info'],
    lambdaContext: (request) => request?.['runtime']?.['awsLambda']?.['context'],
    context: own,
  },
  // Deno
  { denoInfo: second },
  // Netlify
  { context: second },
  // Cloudflare Workers
  { context: third },
]

/** Of hosts and frameworks that pass an object of their own. */
const frameworks: readonly HostRow[] = [
  // h3: not its own waitUntil, which does nothing where its request has none
  {
    request: (h3) => h3?.['req'],
    nodeResponse: (h3) => h3?.['runtime']?.['node']?.['res'],
    denoInfo: (h3) => h3?.['runtime']?.['deno']?.['info'],
    lambdaContext: (h3) => h3?.['runtime']?.['awsLambda']?.['context'],
    context: (h3) => h3?.['req'],
  },
  // Hono on @hono/node-server
  { nodeResponse: (c) => c?.['env']?.['outgoing'] },
  // Hono on srvx
  {
    nodeResponse: (c) => c?.['req']?.['raw']?.['runtime']?.['node']?.['res'],
    context: (c) => c?.['req']?.['raw'],
  },
  // Hono on @whatwg-node/server
  { nodeResponse: (c) => c?.['env']?.['res'], context: (c) => c?.['env'] },
  // Hono
  {
    request: (c) => c?.['req']?.['raw'],
    denoInfo: (c) => c?.['env'],
    // The second where the answer is streamed.
    lambdaContext: (c) => c?.['env']?.['lambdaContext'] ?? c?.['env']?.['context'],
    // A getter that throws where there is none, as on @hono/node-server and on Deno.
    context: (c) =>
      c?.['env']?.['outgoing'] || isDenoInfo(c?.['env']) ? undefined : c?.['executionCtx'],
  },
  // Service workers
  { request: event, context: own },
  // SvelteKit
  { request: event, context: (kit) => kit?.['platform']?.['ctx'] },
  // SvelteKit's handle
  {
    request: (input) => eventOf(input)?.['request'],
    context: (input) => eventOf(input)?.['platform']?.['ctx'],
  },
  // Astro
  { request: event, context: (astro) => astro?.['locals']?.['cfContext'] },
  // React Router, Remix
  { request: event, context: (args) => args?.['context']?.['cloudflare']?.['ctx'] },
  // Cloudflare Workers: scheduled, queue
  { context: third },
]

/** The same by what is looked for, each place once. */
export interface Places {
  readonly request: readonly Probe[]
  readonly nodeResponse: readonly Probe[]
  readonly denoInfo: readonly Probe[]
  readonly context: readonly Probe[]
  readonly lambdaContext: readonly Probe[]
}

/** Structural: no package of a host is imported. */
export const placesOfFetch = placesOf(fetchHosts)
export const placesOfFrameworks = placesOf(frameworks)

function placesOf(rows: readonly HostRow[]): Places {
  const column = (name: keyof HostRow): readonly Probe[] => [
    ...new Set(rows.flatMap((row) => row[name] ?? [])),
  ]
  return {
    request: column('request'),
    nodeResponse: column('nodeResponse'),
    denoInfo: column('denoInfo'),
    context: column('context'),
    lambdaContext: column('lambdaContext'),
  }
}
