import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { drain, instrument } from 'background-tasks'

interface Options {
  /** 0 for one that is free. */
  readonly port: number
  /** Ends after its own request. */
  readonly isOnce: boolean
}

/** Reads `--port`, `--once` and `PORT`. What it cannot read ends the process. */
export function readOptions(): Options {
  const { tokens } = parseArgs({
    options: { port: { type: 'string' }, once: { type: 'boolean' } },
    strict: false,
    tokens: true,
  })
  let port = process.env['PORT'] || '0'
  let isOnce = false
  for (const token of tokens) {
    const text = process.argv[token.index + 2]
    if (token.kind !== 'option') fail(`it is given ${text}, pass only --port=<number> and --once`)
    else if (token.name === 'port') port = token.value ?? ''
    else if (token.rawName === '--once' && token.value === undefined) isOnce = true
    else fail(`there is no option ${text}, pass only --port=<number> and --once`)
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    fail(`the port is '${port}', pass a number from 0 to 65535`)
  }
  return { port: Number(port), isOnce }
}

/** Resolves with the origin that is served. A port that cannot be had ends the process. */
export async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    fail(`port ${port} is ${code === 'EADDRINUSE' ? 'taken' : `refused (${code})`}, pass another`)
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends one request, and prints what happens as it happens. */
export async function showTimeline(url: string, log: string): Promise<void> {
  const start = performance.now()
  const show = (event: string): void => {
    console.log(`${(performance.now() - start).toFixed(1).padStart(8)} ms  ${event}`)
  }
  const undo = instrument(async (task, run) => {
    show(`task started: ${task.name}`)
    await run()
    show(`task finished: ${task.name}`)
  })
  show(`request sent: POST ${url}`)
  const response = await fetch(url, { method: 'POST' }).catch((error: Error) => {
    const { message } = error.cause instanceof Error ? error.cause : error
    // Some ports it never asks: https://fetch.spec.whatwg.org/#port-blocking
    fail(`fetch cannot reach port ${new URL(url).port} (${message}), pass another`)
  })
  // Resolves with the last byte. Client and server share this thread, which reads from its sockets
  // at least once between the end of a response and the start of its tasks.
  const body = await response.text()
  show(`response complete: ${response.status} ${body}`)
  await drain()
  undo()
  const lines = await readFile(log, 'utf8')
  show(`log.txt: ${lines.trimEnd().split('\n').at(-1)}`)
}

function fail(problem: string): never {
  console.error(`Cannot start the demo: ${problem}`)
  process.exit(1)
}
