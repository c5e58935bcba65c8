/** The part of Deno used here; `deno types` prints it all. */
declare const Deno: {
  serve(
    options: { port: number; hostname: string },
    handler: (request: Request, info: object) => Response | Promise<Response>,
  ): { shutdown(): Promise<void> }
  addSignalListener(signal: 'SIGINT' | 'SIGTERM', listener: () => void): void
  exit(code: number): never
}

// #region server
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { drain } from 'background-tasks'
import { handler } from './handler.ts'

const port = Number(process.env['PORT'] ?? 3000)
const server = Deno.serve({ port, hostname: '127.0.0.1' }, handler)

async function close(): Promise<void> {
  // The delay is above the sum of the two deadlines below.
  const delay = Number(process.env['CLOSE_DELAY'] ?? 20_000)
  setTimeout(() => {
    console.error(`Gave up on closing after ${delay} ms`)
    Deno.exit(1)
  }, delay)
  await Promise.race([server.shutdown(), sleep(5_000)])
  const timeout = Number(process.env['DRAIN_TIMEOUT'] ?? 10_000)
  const { abandoned } = await drain({ timeout })
  for (const { name } of abandoned) console.error(`Gave up on ${name}`)
  Deno.exit(abandoned.length === 0 ? 0 : 1)
}

Deno.addSignalListener('SIGTERM', close)
Deno.addSignalListener('SIGINT', close)
// #endregion
