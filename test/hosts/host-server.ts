import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { RawResponse } from '../support/client.ts'
import { type ServerEvent, type ServerProcess, startServer } from '../support/server-process.ts'
import type { Client } from './clients.ts'
import type { Exchange } from './exchange.ts'
import type { HostUnderTest, Runtime } from './hosts.ts'
import { startUpstream, type Upstream } from './upstream.ts'

/** The forms in which a user can add tasks; `bare` is the handler without any. */
export type Form = 'bare' | 'with' | 'provide' | 'wrap' | 'request'

export interface Sent {
  readonly id: string
  readonly exchange: Exchange
}

/** The server of one host in one runtime, with what the cases need of it. */
export class HostServer {
  readonly client: Client
  /** The ids of all requests so far. */
  readonly sent: string[] = []
  readonly #process: ServerProcess
  readonly #upstream: Upstream
  readonly #gates: string
  readonly #responses = new Map<string, RawResponse>()

  static async start(host: HostUnderTest, runtime: Runtime): Promise<HostServer> {
    const upstream = await startUpstream()
    const gates = await mkdtemp(join(tmpdir(), 'background-tasks-gates-'))
    const server = await startServer(await runtime.command(`starters/${host.starter}.ts`), {
      env: { GATES: gates, UPSTREAM: upstream.address },
      ...(host.client.isReady && { isReady: host.client.isReady }),
    })
    return new HostServer(host.client, server, upstream, gates)
  }

  private constructor(client: Client, server: ServerProcess, upstream: Upstream, gates: string) {
    this.client = client
    this.#process = server
    this.#upstream = upstream
    this.#gates = gates
  }

  get port(): number {
    return this.#process.port
  }

  /** What the server has printed. */
  output(): string {
    return this.#process.output()
  }

  /** The runtime and its version. */
  async version(): Promise<string> {
    return String((await this.until('version', ''))['version'])
  }

  async stop(): Promise<void> {
    await this.#process.stop()
    this.#upstream.close()
    await rm(this.#gates, { recursive: true })
  }

  path(form: Form, caseName: string, id: string, query: Record<string, string> = {}): string {
    return `/${form}/${encodeURIComponent(caseName)}?${new URLSearchParams({ id, ...query })}`
  }

  async send(
    form: Form,
    caseName: string,
    options: {
      method?: string
      query?: Record<string, string>
      headers?: Record<string, string>
      upload?: number
    } = {},
  ): Promise<Sent> {
    const { upload, query, headers = {} } = options
    const { method = upload === undefined ? 'GET' : 'POST' } = options
    const id = randomUUID()
    this.sent.push(id)
    const path = this.path(form, caseName, id, query)
    return {
      id,
      exchange: await this.client.send({ port: this.port, path, method, headers, upload }),
    }
  }

  /** Opens a gate of the app, or does nothing but a round trip if it has no such gate. */
  async open(gate: string): Promise<void> {
    const path = `/open/${encodeURIComponent(gate)}`
    const { response, destroy } = await this.client.send({ port: this.port, path })
    await response
    destroy()
  }

  /** Lets the answer arrive that the handler has fetched and returned. */
  release(id: string): void {
    this.#upstream.release(id)
  }

  /** Round trips: the server has had its turns to do what it is going to do. */
  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await this.open('nothing')
  }

  /** Lets the blocking task of this id go on: the client holds the last byte. */
  async unblock(id: string): Promise<void> {
    await writeFile(join(this.#gates, id), '')
  }

  async until(type: string, id: string): Promise<ServerEvent> {
    const is = (event: ServerEvent): boolean => event.type === type && event.id === id
    const events = await this.#process.until((seen) => seen.some(is))
    return events.find(is) ?? { type }
  }

  async events(id: string): Promise<ServerEvent[]> {
    const events = await this.#process.until(() => true)
    return events.filter((event) => event.id === id)
  }

  /** The ids of the tasks that wait or run. */
  async inFlight(): Promise<string[]> {
    const { response, destroy } = await this.client.send({ port: this.port, path: '/in-flight/' })
    const { body } = await response
    destroy()
    return JSON.parse(String(body))
  }

  /** Waits for longer than any `unreadTimeout` of the cases. */
  async silence(): Promise<{ outcome: 'no task' }> {
    await setTimeout(1500)
    await this.turns(1)
    return { outcome: 'no task' }
  }

  async has(type: string, id: string): Promise<boolean> {
    return (await this.events(id)).some((event) => event.type === type)
  }

  /** The ids that have more than one event of this type. */
  async repeated(type: string): Promise<unknown[]> {
    const events = await this.#process.until(() => true)
    const ids = events.filter((event) => event.type === type).map(({ id }) => id)
    return ids.filter((id, index) => ids.indexOf(id) !== index)
  }

  /** What the bare handler answers, asked once. */
  async bare(key: string, ask: () => Promise<RawResponse>): Promise<RawResponse> {
    const response = this.#responses.get(key) ?? (await ask())
    this.#responses.set(key, response)
    return response
  }
}
