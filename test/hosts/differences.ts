import type { Measured } from './cases/case.ts'
import type { Form } from './host-server.ts'
import type { HostName } from './hosts.ts'

/** A documented limit: where a host does otherwise than the standard of a case. */
interface Difference {
  readonly hosts: readonly HostName[]
  readonly cases: RegExp
  readonly forms: readonly Form[]
  /** Exactly what is measured instead; absent where the case cannot be measured. */
  readonly measured?: Partial<Measured>
  /** Where it depends on the moment: what else it may be. */
  readonly or?: Partial<Measured>
  readonly reason: string
}

const node: readonly HostName[] = [
  'whatwg-node',
  'whatwg-node-ponyfill',
  'srvx',
  'srvx-fast-response',
  'hono-node-server',
  'hono',
  'h3',
  'node-fetch-server',
]
const workers: readonly HostName[] = ['workerd', 'workerd-without-ctx', 'workerd-without-condition']
const without =
  /^(GET (string|json|bytes|blob|20 MB|empty|two cookies|status text|encoded already)|slow client, 20 MB.*|upgrade)$/

export const differences: readonly Difference[] = [
  {
    hosts: ['whatwg-node', 'whatwg-node-ponyfill'],
    cases: /^client gone before the handler returns, stream$/,
    forms: ['with', 'provide'],
    measured: { source: 'nothing' },
    reason: 'The body is left alone, as by the bare handler: a cache may keep it',
  },
  {
    hosts: ['node-fetch-server'],
    cases: /^client gone before the handler returns, stream$/,
    forms: ['provide'],
    measured: { source: 'nothing' },
    reason: 'The body is left alone, as by the bare handler: a cache may keep it',
  },
  {
    hosts: [...workers, 'hono-workerd'],
    cases: /^GET encoded already$/,
    forms: ['with', 'provide', 'wrap', 'request'],
    measured: { wire: '-content-length +transfer-encoding' },
    reason: 'A Worker may still encode what says that it is encoded, so its length is not known',
  },
  {
    hosts: ['hono-node-server', 'hono', 'srvx-fast-response'],
    cases: without,
    forms: ['wrap'],
    measured: { wire: '-content-length +transfer-encoding' },
    reason: 'Sends a string or bytes by a way of its own, which a wrapped body does not go',
  },
  {
    hosts: ['whatwg-node-ponyfill'],
    cases: /blob/,
    forms: ['with', 'wrap', 'request'],
    reason: 'A response of that class never answers with the Blob of Node',
  },
  {
    hosts: ['deno'],
    cases:
      /^(GET (string|json|bytes|20 MB|empty|two cookies|status text|encoded already)|slow client, 20 MB.*)$/,
    forms: ['wrap'],
    measured: { wire: '-content-length +transfer-encoding' },
    reason: 'Sends a string or bytes by a way of its own, which a wrapped body does not go',
  },
  {
    hosts: ['srvx-fast-response', 'hono-node-server', 'deno'],
    cases: /^HEAD (string|json)$/,
    forms: ['wrap'],
    measured: { wire: '-content-length' },
    reason: 'Sends a string by a way of its own, which a wrapped body does not go',
  },
  {
    hosts: ['srvx-fast-response'],
    cases: /^(GET (string|20 MB|empty|status text)|slow client, 20 MB.*|upgrade)$/,
    forms: ['wrap'],
    measured: { wire: '-content-length -content-type +content-type +transfer-encoding' },
    reason: 'Spells the implied content type in another way for a string than for a stream',
  },
  {
    hosts: ['srvx-fast-response'],
    cases: /^GET content-length$/,
    forms: ['wrap'],
    measured: { wire: '-content-type +content-type' },
    reason: 'Spells the implied content type in another way for a string than for a stream',
  },
  {
    hosts: ['srvx-fast-response'],
    cases: /^HEAD string$/,
    forms: ['wrap'],
    measured: { wire: '-content-length -content-type +content-type' },
    reason: 'Spells the implied content type in another way for a string than for a stream',
  },
  {
    hosts: ['hono-node-server', 'hono'],
    cases: /^GET (stream with )?content-length$/,
    forms: ['wrap'],
    measured: { wire: '+content-type' },
    reason: 'Gives a stream without a content type that of text',
  },
  {
    hosts: ['bun'],
    cases: /^GET (string|bytes|status text|content-length)$/,
    forms: ['wrap'],
    measured: { wire: '-content-type' },
    reason: 'The implied content type is in no header, and lost when the body is looked at',
  },
  {
    hosts: ['bun'],
    cases: /20 MB/,
    forms: ['wrap'],
    measured: { wire: '-content-length -content-type +transfer-encoding' },
    reason: 'The implied content type is in no header, and lost when the body is looked at',
  },
  {
    hosts: ['bun'],
    cases: /^GET proxied fetch(, encoded)?$/,
    forms: ['with', 'wrap'],
    measured: { wire: '-content-length +transfer-encoding' },
    reason: 'Sends a wrapped body in chunks',
  },
  {
    hosts: ['bun'],
    cases: /^GET proxied status/,
    forms: ['with', 'wrap'],
    measured: { wire: '-content-type' },
    reason: 'Implies a content type where there is none, unless the body is looked at',
  },
  {
    hosts: [...node, 'http2', 'http2-whatwg-node'],
    cases: /^GET proxied fetch, encoded$/,
    forms: ['wrap'],
    measured: { wire: '-body -content-encoding -content-length +body +transfer-encoding' },
    reason:
      'The body is decoded already: the bare handler sends a broken response, a wrapped one is whole',
  },
  {
    hosts: ['node-fetch-server'],
    cases: /^GET proxied fetch, encoded$/,
    forms: ['with'],
    measured: { wire: '-body -content-encoding -content-length +body +transfer-encoding' },
    reason:
      'The body is decoded already: the bare handler sends a broken response, a wrapped one is whole',
  },
  {
    hosts: ['http2', 'http2-whatwg-node'],
    cases: /^GET proxied fetch, encoded$/,
    forms: ['wrap'],
    measured: { wire: '-body -content-encoding -content-length -cut +body +whole' },
    reason:
      'The body is decoded already: the bare handler sends a broken response, a wrapped one is whole',
  },
  {
    hosts: ['http2', 'http2-whatwg-node', 'hono-http2'],
    cases: /^GET proxied fetch, encoded$/,
    forms: ['with'],
    measured: { outcome: 'errored' },
    or: { outcome: 'closed' },
    reason: 'The body is decoded already, and Node refuses to send more of it than its length says',
  },
  {
    hosts: workers,
    cases: /^GET proxied fetch, encoded$/,
    forms: ['with', 'wrap'],
    measured: { wire: '-content-length +transfer-encoding' },
    reason: 'The body is decoded to be seen, and encoded anew',
  },
  {
    hosts: workers,
    cases: /proxied status/,
    forms: ['with', 'wrap', 'request'],
    reason: 'Its fetch refuses such a status',
  },
  {
    hosts: ['http2', 'http2-whatwg-node'],
    cases: /proxied status/,
    forms: ['with', 'wrap', 'request'],
    reason: 'Node refuses such a status on HTTP/2',
  },
  {
    hosts: ['hono-node-server', 'hono'],
    cases: /network error$/,
    forms: ['with'],
    measured: { outcome: 'errored' },
    or: { outcome: 'closed' },
    reason: 'Node refuses the status 0, and the adapter may answer with a 500 yet',
  },
  {
    hosts: ['whatwg-node'],
    cases: /network error$/,
    forms: ['with'],
    measured: { outcome: 'cancelled' },
    reason: 'Never answers, the bare handler neither: over when the client leaves',
  },
  {
    hosts: ['hono-whatwg-node'],
    cases: /^HEAD network error$/,
    forms: ['with'],
    measured: { outcome: 'closed' },
    reason: 'Hono makes the answer to a HEAD again, which fails, so a 500 is sent',
  },

  {
    hosts: ['srvx', 'srvx-fast-response', 'http2', 'bun'],
    cases: /^HEAD (string|json|stream)$/,
    forms: ['wrap'],
    measured: { outcome: 'cancelled' },
    reason: 'Cancels the body of a HEAD',
  },
  {
    hosts: ['bun'],
    cases: /^HEAD (string|json)$/,
    forms: ['wrap'],
    measured: { wire: '-content-length +transfer-encoding' },
    reason: 'Sends a wrapped body in chunks',
  },
  {
    hosts: ['hono-node-server'],
    cases: /^HEAD stream$/,
    forms: ['wrap'],
    measured: { outcome: 'cancelled' },
    or: { outcome: 'closed' },
    reason: 'Cancels the stream of a HEAD, unless it is over at once',
  },
  {
    hosts: ['deno'],
    cases: /^HEAD stream$/,
    forms: ['wrap'],
    measured: { outcome: 'cancelled' },
    reason: 'Cancels the stream of a HEAD',
  },
  {
    hosts: ['hono', 'hono-srvx', 'hono-whatwg-node', 'h3', 'node-fetch-server'],
    cases: /^HEAD (string|json|stream)$/,
    forms: ['wrap'],
    measured: { outcome: 'unread' },
    reason: 'Drops the body of a HEAD without a word',
  },
  {
    hosts: ['http2-whatwg-node'],
    cases: /^HEAD (string|json|stream)$/,
    forms: ['wrap'],
    measured: { outcome: 'no task' },
    reason: 'Begins to read the body of a HEAD and stops halfway',
  },

  {
    hosts: ['whatwg-node', 'whatwg-node-ponyfill', 'node-fetch-server'],
    cases: /^client gone before the handler returns, string$/,
    forms: ['wrap'],
    measured: { outcome: 'unread' },
    reason: 'Drops the body without a word',
  },
  {
    hosts: ['whatwg-node', 'whatwg-node-ponyfill', 'node-fetch-server'],
    cases: /^client gone before the handler returns, stream$/,
    forms: ['wrap'],
    measured: { outcome: 'unread', source: 'nothing' },
    reason: 'Drops the body without a word',
  },
  {
    hosts: ['deno'],
    cases: /^client gone before the handler returns, string$/,
    forms: ['with', 'provide', 'wrap', 'request'],
    measured: { outcome: 'closed' },
    reason: 'Takes the whole body, and tells of nothing after that',
  },
  {
    hosts: ['http2', 'http2-whatwg-node'],
    cases: /^client gone before the handler returns/,
    forms: ['wrap'],
    measured: { outcome: 'no task' },
    reason: 'Begins to read the body and stops halfway',
  },
  {
    hosts: ['http2', 'http2-whatwg-node'],
    cases: /^client gone before the handler returns, stream$/,
    forms: ['with', 'provide'],
    measured: { source: 'nothing' },
    or: { source: 'read to its end' },
    reason: 'Begins to read the body of a client that is gone, and lets nobody cancel it',
  },
  {
    hosts: ['http2-whatwg-node'],
    cases: /^(client gone (before the first byte|mid-stream)|server-sent events)$/,
    forms: ['with', 'provide'],
    measured: { source: 'nothing' },
    or: { source: 'read to its end' },
    reason: 'Does not cancel the body of a lost client',
  },
  {
    hosts: ['http2-whatwg-node'],
    cases: /^(client gone|server-sent|left in the middle)/,
    forms: ['wrap', 'request'],
    measured: { outcome: 'no task' },
    reason: 'Tells neither the body nor the request of a lost client',
  },
  {
    hosts: ['http2', 'http2-whatwg-node'],
    cases: /^connection /,
    forms: ['wrap', 'request'],
    reason: 'Leaves bodies behind without a word: each in a case of its own',
  },
  {
    hosts: workers,
    cases: /^connection /,
    forms: ['wrap', 'request'],
    reason: 'Stops reading without a word, unless it is writing just then',
  },
  {
    hosts: ['workerd-without-ctx'],
    cases: /^connection /,
    forms: ['with', 'provide'],
    reason: 'Its timers end with the client: each in a case of its own',
  },
  {
    hosts: workers,
    cases: /^left in the middle of a length$/,
    forms: ['with', 'provide', 'wrap', 'request'],
    measured: { outcome: 'closed' },
    reason: 'Notices a lost client only by writing, and buffers what is short',
  },
  {
    hosts: ['whatwg-node-ponyfill'],
    cases: /^left, a cache/,
    forms: ['with', 'provide'],
    reason:
      'The body is left alone there, and a clone of its own response ends with the client, or never',
  },
  {
    hosts: ['hono-http2'],
    cases: /^(GET|HEAD) proxied status/,
    forms: ['with', 'provide', 'wrap', 'request'],
    reason:
      'Node refuses such a status on HTTP/2, and the server ends of it, with the bare handler too',
  },
  {
    hosts: workers,
    cases: /^left, a cache keeps the answer$/,
    forms: ['with', 'provide', 'wrap', 'request'],
    reason: 'A response belongs to its request there, and serves no other one',
  },
  {
    hosts: ['node-fetch-server'],
    cases: /^pipelined, gone/,
    forms: ['with'],
    reason: 'Before Node 24 nobody is told, unless the entry point `context` is there',
  },
  {
    hosts: ['workerd-without-ctx'],
    cases: /^(client gone (before the first byte|mid-stream)|server-sent events)$/,
    forms: ['with', 'provide', 'wrap', 'request'],
    measured: { outcome: 'unread', source: 'nothing' },
    or: { outcome: 'cancelled', source: 'cancelled' },
    reason: 'Stops reading without a word, unless it is writing just then',
  },
  {
    hosts: ['workerd', 'workerd-without-condition'],
    cases: /^(client gone (before the first byte|mid-stream)|server-sent events)$/,
    forms: ['wrap'],
    measured: { outcome: 'unread', source: 'nothing' },
    or: { outcome: 'cancelled', source: 'cancelled' },
    reason: 'Stops reading without a word, unless it is writing just then',
  },

  {
    hosts: ['bun', 'deno'],
    cases: /^GET 20 MB$/,
    forms: ['with'],
    measured: { lastByte: 'held back by a blocking task' },
    reason: 'Takes the whole body at once, and needs the process to send it',
  },
  {
    hosts: ['deno'],
    cases: /^GET 20 MB$/,
    forms: ['wrap'],
    measured: { lastByte: 'held back by a blocking task' },
    reason: 'Takes the whole body at once, and needs the process to send it',
  },
  {
    hosts: ['bun'],
    cases: /^slow client, 20 MB string$/,
    forms: ['with'],
    measured: { start: 'while the client was not reading' },
    reason: 'Takes the whole body at once, and tells of nothing after that',
  },
  {
    hosts: ['deno'],
    cases: /^slow client, 20 MB string$/,
    forms: ['with', 'wrap'],
    measured: { start: 'while the client was not reading' },
    reason: 'Takes the whole body at once, and tells of nothing after that',
  },
  {
    hosts: ['bun'],
    cases: /^upgrade$/,
    forms: ['wrap'],
    reason: 'The handler returns no response that could be wrapped',
  },
]

/** What the case must measure on this host, or why it cannot be measured; the last entry wins. */
export function expected(
  host: HostName,
  caseName: string,
  form: Form,
  standard: Measured,
): Measured | string {
  let measured = standard
  for (const each of differencesOf(host, caseName, form)) {
    if (each.measured === undefined) return each.reason
    measured = { ...measured, ...each.measured }
  }
  return measured.outcome === 'no task' ? { outcome: 'no task' } : measured
}

/** Replaces what depends on the moment by what the table names. */
export function settle(host: HostName, caseName: string, form: Form, measured: Measured): Measured {
  const settled: Record<string, unknown> = { ...measured }
  for (const { or = {}, measured: named } of differencesOf(host, caseName, form)) {
    for (const [key, other] of Object.entries(or)) {
      if (settled[key] === other) Object.assign(settled, pick(named, key))
    }
  }
  return settled as unknown as Measured
}

function pick(measured: Partial<Measured> | undefined, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(measured ?? {}).filter(([name]) => name === key))
}

/** What is under Hono has the limits of its server, besides those that name it. */
export const servers: Partial<Record<HostName, HostName>> = {
  'hono-srvx': 'srvx',
  'hono-whatwg-node': 'whatwg-node',
  'hono-middleware': 'hono',
  'hono-bun': 'bun',
  'hono-deno': 'deno',
  'hono-workerd': 'workerd-without-condition',
}

/** The documented limits that apply, the last one over the ones before. */
export function differencesOf(host: HostName, caseName: string, form: Form): readonly Difference[] {
  const server = servers[host] ?? host
  return differences.filter(
    ({ hosts, cases, forms }) =>
      (hosts.includes(server) || hosts.includes(host)) &&
      forms.includes(form) &&
      cases.test(caseName),
  )
}
