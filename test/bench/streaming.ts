// Time to read more than 1 GiB in chunks of 64 KiB, bare against wrapped: `node test/bench/streaming.ts`. The
// ways take turns of 64 MiB, 18 of them; the median of the ratios of one turn is printed, so that what else the
// machine does weighs on all alike. `memory` has its reader in the same process; `http` is a
// @whatwg-node/server and its client, each in a process of its own.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createServerAdapter } from '@whatwg-node/server'
import { BackgroundTasks, withBackgroundTasks } from 'background-tasks'

const turns = Number(process.env['TURNS'] ?? 18)
const chunk = new Uint8Array(64 * 1024)
const chunksPerTurn = 1024

const ways: Record<string, (request: Request, context: object) => Response | Promise<Response>> = {
  bare: () => answer(),
  wrap: () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(() => {})
    return tasks.wrap(answer())
  },
  handler: withBackgroundTasks((tasks, _request: Request, _context: object) => {
    tasks.addTask(() => {})
    return answer()
  }),
}

if (process.send === undefined) {
  await compare('memory', readInMemory)
  const child = fork(fileURLToPath(import.meta.url))
  const [port] = await once(child, 'message')
  await compare('http', (way) => readOverHttp(port, way))
  await stop(child)
} else {
  serve()
}

function answer(): Response {
  let sent = 0
  return new Response(
    new ReadableStream({
      pull(controller) {
        sent += 1
        controller.enqueue(chunk.slice())
        if (sent === chunksPerTurn) controller.close()
      },
    }),
  )
}

async function compare(where: string, read: (way: string) => Promise<number>): Promise<void> {
  const names = Object.keys(ways)
  const times = new Map<string, number[]>(names.map((name) => [name, []]))
  for (const name of names) await read(name)
  for (let turn = 0; turn < turns; turn += 1) {
    // All orders come equally often: each way leaves its garbage to the one after it.
    const rotated = [...names.slice(turn % names.length), ...names.slice(0, turn % names.length)]
    for (const name of turn % 2 === 0 ? rotated : rotated.toReversed()) {
      const start = performance.now()
      const bytes = await read(name)
      if (bytes !== chunksPerTurn * chunk.length) throw new Error(`${name} has sent ${bytes} bytes`)
      times.get(name)?.push(performance.now() - start)
    }
  }
  const bare = times.get('bare') ?? []
  const columns = names.slice(1).map((name) => {
    const ratios = (times.get(name) ?? []).map((time, turn) => (bare[turn] ?? NaN) / time)
    return `${name} ${median(ratios).toFixed(2)}`
  })
  const speed = (chunksPerTurn * chunk.length) / 2 ** 20 / (median(bare) / 1000)
  console.log(`${where}: ${Math.round(speed)} MiB/s bare; ${columns.join(', ')}`)
}

async function readInMemory(way: string): Promise<number> {
  const response = await ways[way]?.(new Request('http://localhost/'), {})
  let bytes = 0
  for await (const part of response?.body ?? []) bytes += part.length
  return bytes
}

async function readOverHttp(port: number, way: string): Promise<number> {
  let bytes = 0
  const [response] = await once(get({ port, host: '127.0.0.1', path: `/${way}` }), 'response')
  for await (const part of response) bytes += part.length
  return bytes
}

function serve(): void {
  const adapter = createServerAdapter<object>((request, context) => {
    const way = ways[new URL(request.url).pathname.slice(1)]
    return way?.(request, context) ?? new Response(null, { status: 404 })
  })
  const server = createServer(adapter).listen(0, '127.0.0.1', () => {
    process.send?.((server.address() as AddressInfo).port)
  })
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill()
  await once(child, 'exit')
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}
