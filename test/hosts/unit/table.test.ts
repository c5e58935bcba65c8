import { describe, expect, it, vi } from 'vitest'
import { find, type Probe } from '../../../src/hosts/find.ts'
import { type Places, placesOfFetch, placesOfFrameworks } from '../../../src/hosts/table.ts'

/** Whether a probe leads to this very thing. */
function leadsTo(probes: readonly Probe[], thing: object, args: readonly unknown[]): boolean {
  const isThing = (value: unknown): value is object => value === thing
  return find(probes, args, isThing) === thing
}

const both = (name: keyof Places): readonly Probe[] => [
  ...placesOfFetch[name],
  ...placesOfFrameworks[name],
]

const thing = { name: 'what is looked for' }

describe('The places of the request', () => {
  it.each<[string, unknown[]]>([
    ['React Router, Remix, Astro and service workers', [{ request: thing, params: {} }]],
    ['h3', [{ req: thing }]],
    ['Hono', [{ req: { raw: thing } }]],
    ["SvelteKit's handle", [{ event: { request: thing }, resolve: () => {} }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(both('request'), thing, args)).toBe(true)
  })
})

describe('The places of the Node response', () => {
  it.each<[string, unknown[]]>([
    ['@whatwg-node/server', [{}, { res: thing }]],
    ['@hono/node-server', [{}, { outgoing: thing }]],
    ['srvx and h3', [{ runtime: { node: { res: thing } } }]],
    ['Hono', [{ env: { outgoing: thing } }]],
    ['Hono on srvx', [{ req: { raw: { runtime: { node: { res: thing } } } } }]],
    ['Hono on @whatwg-node/server', [{ env: { res: thing } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(both('nodeResponse'), thing, args)).toBe(true)
  })
})

describe('The places of what Deno knows of a request', () => {
  it.each<[string, unknown[]]>([
    ['Deno.serve', [{}, thing]],
    ['Hono', [{ env: thing }]],
    ['srvx and h3', [{ runtime: { deno: { info: thing } } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(both('denoInfo'), thing, args)).toBe(true)
  })
})

describe('The places of the context of AWS Lambda', () => {
  it.each<[string, unknown[]]>([
    ['srvx and h3', [{ runtime: { awsLambda: { context: thing } } }]],
    ['Hono', [{ env: { lambdaContext: thing } }]],
    ['Hono where it streams', [{ env: { context: thing } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(both('lambdaContext'), thing, args)).toBe(true)
  })
})

describe('The places of a context with a waitUntil', () => {
  it.each<[string, unknown[]]>([
    ['srvx and service workers', [thing]],
    ['h3', [{ req: thing }]],
    ['@whatwg-node/server and Netlify', [{}, thing]],
    ['Workers', [{}, {}, thing]],
    ['Hono', [{ executionCtx: thing }]],
    ['Hono on srvx', [{ req: { raw: thing } }]],
    ['Hono on @whatwg-node/server', [{ env: thing }]],
    ['SvelteKit', [{ platform: { ctx: thing } }]],
    ["SvelteKit's handle", [{ event: { platform: { ctx: thing } }, resolve: () => {} }]],
    ['Astro', [{ locals: { cfContext: thing } }]],
    ['React Router', [{ context: { cloudflare: { ctx: thing } } }]],
  ])('have that of %s', (_, args) => {
    expect(leadsTo(both('context'), thing, args)).toBe(true)
  })

  it('have that of what a clock or a queue calls on Workers', () => {
    expect(leadsTo(placesOfFrameworks.context, thing, [{ cron: '* * * * *' }, {}, thing])).toBe(
      true,
    )
  })

  // Its own does nothing then: a Worker would not be warned.
  it('do not have that of an event of h3 whose request has none', () => {
    const event = { req: new Request('http://localhost/'), waitUntil() {} }
    expect(leadsTo(both('context'), event, [event])).toBe(false)
  })

  // It throws in the edge runtime and in a proxy, and that was printed.
  it('do not have that of a request of Next.js', () => {
    const request = { nextUrl: {}, waitUntil() {} }
    expect(leadsTo(both('context'), request, [request])).toBe(false)
  })

  // Only SvelteKit passes what resolves its event beside it.
  it('leave the event of a context of Hono alone, which throws where there is none', () => {
    const getter = vi.fn<() => void>()
    const context = Object.defineProperty({ env: {} }, 'event', { get: getter })
    for (const name of ['request', 'context'] as const) leadsTo(both(name), thing, [context])
    expect(getter).not.toHaveBeenCalled()
  })

  it('leave the getter of Hono alone on Deno, which throws', () => {
    const executionCtx = vi.fn<() => object>()
    const info = { remoteAddr: {}, completed: Promise.resolve() }
    const context = Object.defineProperty({ env: info }, 'executionCtx', { get: executionCtx })
    expect(leadsTo(both('context'), thing, [context])).toBe(false)
    expect(executionCtx).not.toHaveBeenCalled()
  })

  it('leave the getter of Hono alone on Node, which throws', () => {
    const executionCtx = vi.fn<() => void>()
    const context = { env: { outgoing: {} } }
    Object.defineProperty(context, 'executionCtx', { get: executionCtx })
    leadsTo(both('context'), thing, [context])
    expect(executionCtx).not.toHaveBeenCalled()
  })
})

describe('Each place', () => {
  it.each([placesOfFetch, placesOfFrameworks])('is looked at once', (places) => {
    for (const probes of Object.values(places)) expect(new Set(probes).size).toBe(probes.length)
  })
})
