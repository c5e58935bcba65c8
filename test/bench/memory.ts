// Bytes that a waiting response takes beyond a bare one, with a list and a task on it:
// `node test/bench/memory.ts [responses]`. Each way is a process of its own. `left` is what is still
// held when all have been dropped, unread, and their tasks have run. `stream` is what Node itself takes
// for a second stream and response, whatever they are for.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BackgroundTasks, drain, type WrapOptions } from 'background-tasks'

interface Measured {
  /** Bytes a response while all of them wait, and after that. */
  readonly waiting: number
  readonly left: number
}

const ways = ['bare', 'stream', 'wrap', 'completed']
const [first = '100000', way] = process.argv.slice(2)
const count = Number(first)
if (way === undefined) compare()
else console.log(JSON.stringify(await measure(way)))

function compare(): void {
  const measured = new Map<string, Measured>()
  for (const name of ways) {
    const args = ['--expose-gc', fileURLToPath(import.meta.url), first, name]
    measured.set(name, JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })))
  }
  const bare = measured.get('bare')?.waiting ?? NaN
  console.log(`${count} waiting responses, bare: ${Math.round(bare)} bytes each`)
  for (const [name, { waiting, left }] of measured) {
    if (name === 'bare') continue
    console.log(
      `${name}: ${Math.round(waiting - bare)} bytes more each, ${Math.round(left)} left after the end`,
    )
  }
}

async function measure(name: string): Promise<Measured> {
  // Once before, so that what is made only once is not counted.
  await hold(name, 1000, () => {})
  const before = used()
  let waiting = 0
  await hold(name, count, () => (waiting = used() - before))
  return { waiting: waiting / count, left: (used() - before) / count }
}

/** Makes the responses, calls `look` while all of them wait, drops them, and waits for their tasks. */
async function hold(name: string, responses: number, look: () => void): Promise<void> {
  const { promise: completed, resolve } = Promise.withResolvers<void>()
  // The time to make all of them and to look is not to end their waiting.
  const options = name === 'wrap' ? { unreadTimeout: 20_000 } : { completed }
  const held: Response[] = []
  for (let index = 0; index < responses; index += 1) {
    const response = new Response(`body ${index}`)
    if (name === 'bare') held.push(response)
    else if (name === 'stream') held.push(copy(response))
    else held.push(wrap(response, options))
  }
  // What Node itself does to start a stream is over then.
  await new Promise((then) => setImmediate(then))
  look()
  held.length = 0
  resolve()
  await drain()
  await new Promise((then) => setImmediate(then))
}

/** With a body that is pulled from the other's, and nothing else. */
function copy({ body, status, headers }: Response): Response {
  const reader = body?.getReader()
  const source = { pull: () => reader?.read().then(() => {}), cancel: () => reader?.cancel() }
  return new Response(new ReadableStream(source, { highWaterMark: 0 }), { status, headers })
}

function wrap(response: Response, options: WrapOptions): Response {
  const tasks = new BackgroundTasks()
  tasks.addTask(task)
  return tasks.wrap(response, options)
}

function task(): void {}

function used(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
