// What tasks hold that outlive their requests, without and with a `timeout`:
// `npx node test/bench/in-flight.ts [requests] [timeout]`. A server that allows one connection is asked
// again and again on that one; each answer adds a task of 10 KiB that never ends. Each way is a process
// of its own. A `timeout` bounds them by the most requests that were answered within it.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createServerAdapter } from '@whatwg-node/server'
import { withBackgroundTasks } from 'background-tasks'

interface Measured {
  /** Requests per second. */
  readonly rate: number
  /** The most requests answered within the timeout. */
  readonly bound: number
  /** The most tasks in flight. */
  readonly tasks: number
  /** The most MiB held. */
  readonly held: number
}

const [first = '10000', second = '500', way] = process.argv.slice(2)
const requests = Number(first)
if (way === undefined) compare()
else console.log(JSON.stringify(await measure(Number(way))))

function compare(): void {
  for (const timeout of [Infinity, Number(second)]) {
    const args = ['--expose-gc', fileURLToPath(import.meta.url), first, second, String(timeout)]
    const measured = execFileSync(process.execPath, args, { encoding: 'utf8' })
    const { rate, bound, tasks, held }: Measured = JSON.parse(measured)
    const within = timeout === Infinity ? '' : `, ${bound} of them within ${timeout} ms`
    console.log(
      `${timeout === Infinity ? 'no timeout' : `timeout ${timeout} ms`}: ${requests} requests, ` +
        `${Math.round(rate)}/s${within}; at most ${tasks} tasks in flight, ${Math.round(held)} MiB held`,
    )
  }
}

async function measure(timeout: number): Promise<Measured> {
  let running = 0
  const handler = withBackgroundTasks(
    (tasks) => {
      running += 1
      tasks.addTask(neverEnd, Buffer.alloc(10 * 1024))
      return Response.json({ message: 'hello' })
    },
    { timeout, onError: () => (running -= 1) },
  )
  const server = createServer(createServerAdapter(handler)).listen(0, '127.0.0.1')
  server.maxConnections = 1
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const answered: number[] = []
  const before = used()
  let [oldest, bound, tasks, held] = [0, 0, 0, 0]
  for (let count = 1; count <= requests; count += 1) {
    const [response] = await once(get({ port, host: '127.0.0.1', agent }), 'response')
    await once(response.resume(), 'end')
    const now = performance.now()
    answered.push(now)
    while ((answered[oldest] ?? now) < now - timeout) oldest += 1
    bound = Math.max(bound, count - oldest)
    tasks = Math.max(tasks, running)
    // Tasks end in the time that this takes.
    if (count % Math.ceil(requests / 10) === 0) held = Math.max(held, used() - before)
  }
  agent.destroy()
  server.close()
  const [start = NaN] = answered
  const seconds = ((answered.at(-1) ?? NaN) - start) / 1000
  return { rate: requests / seconds, bound, tasks, held: held / 2 ** 20 }
}

function neverEnd(_held: Buffer): Promise<void> {
  return new Promise(() => {})
}

function used(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
