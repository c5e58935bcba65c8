// Requests per second of a handler that answers a small JSON and adds one task, each way beside the
// bare handler: `node test/bench/requests.ts [host ...]`. One server process a host; the ways take
// turns of a fraction of a second, and the median over the turns of the ratio to the bare handler
// of the same turn is printed, so that what else the machine does weighs on all alike.
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startServer } from '../support/server-process.ts'

const connections = 16
const turnMilliseconds = 300
const turns = Number(process.env['TURNS'] ?? 15)
const ways = ['bare', 'handler', 'wrap', 'pipeThrough', 'pipeTo'] as const
const hosts = process.argv.slice(2)

for (const host of hosts.length > 0 ? hosts : ['whatwg-node', 'srvx', 'hono', 'bun', 'deno']) {
  await measure(host)
}

async function measure(host: string): Promise<void> {
  const file = fileURLToPath(new URL('requests-server.ts', import.meta.url))
  const runtime = { bun: ['bun'], deno: ['deno', 'run', '-A', '--no-check'] }[host] ?? ['node']
  const server = await startServer([...runtime, file, host])
  try {
    const rates = new Map<string, number[]>(ways.map((way) => [way, []]))
    for (const way of ways) await load(server.port, way, turnMilliseconds * 3)
    for (let turn = 0; turn < turns; turn += 1) {
      for (const way of ways) rates.get(way)?.push(await load(server.port, way, turnMilliseconds))
    }
    const bare = rates.get('bare') ?? []
    const columns = ways.map((way) => {
      const ratios = (rates.get(way) ?? []).map((rate, turn) => rate / (bare[turn] ?? NaN))
      return `${way} ${median(ratios).toFixed(2)}`
    })
    console.log(`${host}: ${Math.round(median(bare))} requests/s bare; ${columns.join(', ')}`)
  } finally {
    await server.stop()
  }
}

/** Keeps every connection busy with one request at a time; returns requests per second. */
async function load(port: number, path: string, milliseconds: number): Promise<number> {
  const request = `GET /${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`
  let answers = 0
  let isOver = false
  const start = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      const closed = once(socket, 'close')
      let text = ''
      socket.setEncoding('latin1').on('data', (part: string) => {
        text += part
        // The answer is small: it ends with its JSON, or in chunks with an empty one.
        if (!text.endsWith(/chunked/i.test(text) ? '\r\n0\r\n\r\n' : '}')) return
        text = ''
        answers += 1
        if (isOver) socket.destroy()
        else socket.write(request)
      })
      socket.write(request)
      setTimeout(() => (isOver = true), milliseconds)
      await closed
    }),
  )
  return (answers / (performance.now() - start)) * 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}
