import { describe, expect, it, vi } from 'vitest'
import { find, type Probe } from '../../../src/hosts/find.ts'
import { places } from '../../../src/hosts/table.ts'

/** Whether a probe leads to this very thing. */
function leadsTo(probes: readonly Probe[], thing: object, args: readonly unknown[]): boolean {
  const isThing = (value: unknown): value is object => value === thing
  return find(probes, args, isThing) === thing
}

const thing = { name: 'what is looked for' }

describe('The places of the request', () => {
  it.each<[string, unknown[]]>([
    ['a fetch server', [thing]],
    ['React Router, Remix, Astro and service workers', [{ request: thing, params: {} }]],
    ['h3', [{ req: thing }]],
    ['Hono', [{ req: { raw: thing } }]],
    ["SvelteKit's handle", [{ event: { request: thing }, resolve: () => {} }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(places.request, thing, args)).toBe(true)
  })
})

describe('The places of the Node response', () => {
  it.each<[string, unknown[]]>([
    ['@whatwg-node/server', [{}, { res: thing }]],
    ['@hono/node-server', [{}, { outgoing: thing }]],
    ['srvx and h3', [{ runtime: { node: { res: thing } } }]],
    ['Hono', [{ env: { outgoing: thing } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(places.nodeResponse, thing, args)).toBe(true)
  })
})

describe('The places of what Deno knows of a request', () => {
  it.each<[string, unknown[]]>([
    ['Deno.serve', [{}, thing]],
    ['Hono', [{ env: thing }]],
    ['srvx and h3', [{ runtime: { deno: { info: thing } } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(places.denoInfo, thing, args)).toBe(true)
  })
})

describe('The places of a context with a waitUntil', () => {
  it.each<[string, unknown[]]>([
    ['srvx and service workers', [thing]],
    ['h3', [{ req: thing }]],
    ['@whatwg-node/server and Netlify', [{}, thing]],
    ['Workers', [{}, {}, thing]],
    ['Hono', [{ executionCtx: thing }]],
    ['SvelteKit', [{ platform: { ctx: thing } }]],
    ["SvelteKit's handle", [{ event: { platform: { ctx: thing } } }]],
    ['Astro', [{ locals: { cfContext: thing } }]],
    ['React Router', [{ context: { cloudflare: { ctx: thing } } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(places.context, thing, args)).toBe(true)
  })

  // Its own does nothing then: a Worker would not be warned.
  it('do not have that of an event of h3 whose request has none', () => {
    const event = { req: new Request('http://localhost/'), waitUntil() {} }
    expect(leadsTo(places.context, event, [event])).toBe(false)
    expect(leadsTo(places.nodeContext, event, [event])).toBe(false)
  })

  // It throws in the edge runtime and in a proxy, and that was printed.
  it('do not have that of a request of Next.js', () => {
    const request = { nextUrl: {}, waitUntil() {} }
    expect(leadsTo(places.context, request, [request])).toBe(false)
    expect(leadsTo(places.nodeContext, request, [request])).toBe(false)
  })

  it('leave the getter of Hono alone on Node, which throws', () => {
    const executionCtx = vi.fn<() => void>()
    const context = { env: { outgoing: {} } }
    Object.defineProperty(context, 'executionCtx', { get: executionCtx })
    leadsTo(places.context, thing, [context])
    expect(executionCtx).not.toHaveBeenCalled()
  })

  it('are fewer on Node, where adapters alone have one', () => {
    expect(leadsTo(places.nodeContext, thing, [{}, thing])).toBe(true)
    expect(leadsTo(places.nodeContext, thing, [{}, {}, thing])).toBe(false)
  })
})

describe('Each place', () => {
  it.each(Object.entries(places))('is looked at once: %s', (_, probes) => {
    expect(new Set(probes).size).toBe(probes.length)
  })
})
