import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { request } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'
import { bundle } from './bundle.ts'
import { installRuntime } from './install.ts'
import { workerCommand } from './workers.ts'

const node = process.execPath
const deno = [await installRuntime('deno'), 'run', '-A']

/** What is told when the platform is about to end a function whose first task goes on and on. */
function told(platform: string): unknown[] {
  const message = `${platform} ends the request now, move what takes so long to a queue`
  return [
    {
      type: 'failed',
      id: '',
      message: `Task resize failed: ${message}`,
      skipped: ['notify', 'log'],
    },
    { type: 'aborted', id: '', reason: `TimeoutError: ${message}` },
    { type: 'cleaned', id: '' },
  ]
}

const types = new Set(['failed', 'aborted', 'cleaned', 'ran', 'cut', 'frozen'])

async function start(command: readonly string[]): Promise<ServerProcess> {
  const server = await startServer(command)
  onTestFinished(() => server.stop())
  return server
}

async function ask({ port }: ServerProcess, path = '/notify'): Promise<void> {
  const { status, body } = await request({ port, path })
  expect({ status, body: String(body) }).toEqual({ status: 200, body: 'answered' })
}

const is =
  (type: string) =>
  (event: ServerEvent): boolean =>
    event.type === type

/** What has happened until the first event of that type, of what a function and its platform do. */
async function upTo(server: ServerProcess, type: string): Promise<ServerEvent[]> {
  const events = await server.until((all) => all.some(is(type)))
  return events.slice(0, events.findIndex(is(type))).filter((event) => types.has(event.type))
}

describe('The deadline of AWS Lambda', () => {
  it.each([
    ['srvx, its answer buffered', 'srvx'],
    ['srvx, its answer streamed', 'srvx-streamed'],
    ['Hono, its answer buffered', 'hono'],
    ['Hono, its answer streamed', 'hono-streamed'],
    ['h3', 'h3'],
  ])('is told before the function is cut, through %s', async (_, adapter) => {
    const server = await start([node, await bundle('starters/deadline-aws-lambda.ts'), adapter])
    await ask(server)
    expect(await upTo(server, 'frozen')).toEqual(told('AWS Lambda'))
  })
})

describe('The deadline of Vercel', () => {
  it('is what its package reads in the context of the request, and told before that', async () => {
    const program = await bundle('starters/deadline-vercel.ts')
    const server = await start([node, await bundle('starters/platform.ts'), 'vercel', program])
    await ask(server)
    expect(await upTo(server, 'frozen')).toEqual(told('Vercel'))
    const [deadline] = (await server.until(() => true)).filter(is('deadline'))
    expect(deadline?.['left']).toBeGreaterThan(1000)
    expect(deadline?.['left']).toBeLessThanOrEqual(2000)
  })
})

describe('The deadline of Supabase', () => {
  it('is told when the worker is about to unload', async () => {
    const program = await bundle('starters/deadline-supabase.ts')
    const starter = await bundle('starters/platform-deno.ts')
    const server = await start([...deno, starter, 'supabase', program])
    await ask(server)
    expect(await upTo(server, 'frozen')).toEqual(told('Supabase'))
  })
})

describe('The deadline of a platform that tells none', () => {
  it('is the one that the handler is given', async () => {
    const program = await bundle('starters/deadline-given.ts')
    const server = await start([node, await bundle('starters/platform.ts'), 'netlify', program])
    await ask(server)
    expect(await upTo(server, 'frozen')).toEqual(told('The platform'))
  })
})

describe('The deadline of Cloudflare Workers', () => {
  let server: ServerProcess
  beforeAll(async () => {
    server = await startServer(
      await workerCommand('starters/deadline-workerd.ts', { object: 'TestObject' }),
    )
    await server.until((events) => events.some(is('version')))
  })
  afterAll(() => server.stop())

  /** What happens from the request for that path on, up to the event of that type. */
  async function eventsOf(path: string, last: string): Promise<ServerEvent[]> {
    const before = (await server.until(() => true)).length
    await ask(server, path)
    const events = await server.until((all) => all.slice(before).some(is(last)))
    return events.slice(before)
  }
  const timer = { type: 'timer', id: '', delay: 29_000 }
  const cleared = { type: 'cleared', id: '' }
  const ended = { type: 'ended', id: '' }

  it('is told 29 seconds after the response, where the handler was given ctx', async () => {
    const events = await eventsOf('/too-much', 'cleared')
    expect(events).toEqual([timer, ...told('Cloudflare Workers'), cleared])
  })

  it('is forgotten when the tasks have ended', async () => {
    expect(await eventsOf('/little', 'cleared')).toEqual([timer, ended, cleared])
  })

  it('is another one if that is given', async () => {
    expect(await eventsOf('/given', 'cleaned')).toEqual(told('The platform'))
  })

  // What would be watched for is told before the tasks have ended, as above.
  it.each([
    ['with the option false', '/false'],
    ['in a Durable Object that passes its own context', '/object'],
  ])('is not watched for %s', async (_, path) => {
    expect(await eventsOf(path, 'ended')).toEqual([ended])
  })

  it('is not watched for without a task', async () => {
    await ask(server, '/none')
    const events = await eventsOf('/little', 'cleared')
    expect(events).toEqual([timer, ended, cleared])
  })

  it('is told in a Durable Object too, if one is given', async () => {
    expect(await eventsOf('/object-given', 'cleaned')).toEqual(told('The platform'))
  })
})
