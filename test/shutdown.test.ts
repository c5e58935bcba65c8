import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { request } from './support/client.ts'
import { newGate } from './support/gate.ts'
import { type ServerProcess, startServer } from './support/server-process.ts'

const connections = 50

/** What the tasks of the examples call: it notes each call, and answers when it is told to. */
interface Webhook {
  readonly url: string
  /** The ids it was called with, in the order of the calls. */
  readonly calls: string[]
  /** Ends when there have been as many calls. */
  readonly called: (count: number) => Promise<void>
  /** Answers all calls, those to come too. */
  readonly release: () => void
  /** Ends when a caller has hung up before its answer. */
  readonly deserted: Promise<void>
}

/** Answers the first `prompt` calls at once, and the others when it is released. */
async function startWebhook(prompt: number): Promise<Webhook> {
  const calls: string[] = []
  const waiting: ServerResponse[] = []
  const watchers = new Set<() => void>()
  const deserted = newGate()
  let isReleased = false
  const server = createServer(async (incoming, response) => {
    let id = ''
    for await (const chunk of incoming) id += chunk
    response.once('close', () => {
      if (!response.writableFinished) deserted.open()
    })
    calls.push(id)
    if (isReleased || calls.length <= prompt) response.end()
    else waiting.push(response)
    for (const watcher of watchers) watcher()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    called: (count) => {
      const reached = newGate()
      const check = (): void => {
        if (calls.length >= count) reached.open()
      }
      watchers.add(check)
      check()
      return reached.opened
    },
    release: () => {
      isReleased = true
      for (const response of waiting.splice(0)) response.end()
    },
    deserted: deserted.opened,
  }
}

async function start(
  command: readonly string[],
  file: string,
  env: Record<string, string>,
): Promise<ServerProcess> {
  const path = fileURLToPath(new URL(`../docs/examples/shutdown/${file}`, import.meta.url))
  const server = await startServer([...command, path], { env })
  onTestFinished(() => server.stop())
  return server
}

/** Asks over and over, each time on a new connection, until the server is gone. */
async function ask(port: number, client: number, answered: string[]): Promise<void> {
  for (let count = 0; ; count += 1) {
    const id = `${client}-${count}`
    try {
      const { status, complete } = await request({ port, path: `/?id=${id}`, method: 'POST' })
      if (status === 0 || !complete) return
      expect(status).toBe(202)
      answered.push(id)
    } catch {
      return
    }
  }
}

const runtimes: [file: string, command: readonly string[]][] = [
  ['node.ts', [process.execPath]],
  ['bun.ts', ['bun']],
  ['deno.ts', ['deno', 'run', '-A', '--no-check']],
]

describe.each(runtimes)('docs/examples/shutdown/%s', { timeout: 60_000 }, (file, command) => {
  it('answers and runs all that it has accepted, exactly once, and exits with 0', async () => {
    const webhook = await startWebhook(2 * connections)
    const server = await start(command, file, { WEBHOOK: webhook.url })
    const answered: string[] = []
    const clients = Array.from({ length: connections }, (_, client) =>
      ask(server.port, client, answered),
    )
    // Then some tasks have ended, others run, and the clients go on.
    await webhook.called(3 * connections)
    server.child.kill('SIGTERM')
    await Promise.all(clients)
    webhook.release()

    expect(await server.exited, server.output()).toBe(0)
    console.log(`${file}: ${answered.length} answered, ${webhook.calls.length} tasks run, exit 0`)
    expect(new Set(webhook.calls).size).toBe(webhook.calls.length)
    expect(answered.length).toBeGreaterThanOrEqual(2 * connections)
    expect(answered.filter((id) => !webhook.calls.includes(id))).toEqual([])
  })

  it('aborts what is left at the deadline, says what it was, and exits with 1', async () => {
    const webhook = await startWebhook(0)
    const server = await start(command, file, { WEBHOOK: webhook.url, DRAIN_TIMEOUT: '100' })
    const { status } = await request({ port: server.port, path: '/?id=stuck', method: 'POST' })
    expect(status).toBe(202)
    await webhook.called(1)
    server.child.kill('SIGTERM')

    await webhook.deserted
    expect(await server.exited, server.output()).toBe(1)
    expect(server.output()).toContain('Gave up on notify')
    expect(webhook.calls).toEqual(['stuck'])
  })
  it('exits with 1 after the delay, whatever is left', async () => {
    const webhook = await startWebhook(0)
    const env = { WEBHOOK: webhook.url, DRAIN_TIMEOUT: '3600000', CLOSE_DELAY: '100' }
    const server = await start(command, file, env)
    await request({ port: server.port, path: '/?id=stuck', method: 'POST' })
    await webhook.called(1)
    server.child.kill('SIGTERM')

    expect(await server.exited, server.output()).toBe(1)
    expect(server.output()).toMatch(/100 ?ms/)
    expect(webhook.calls).toEqual(['stuck'])
  })
})
