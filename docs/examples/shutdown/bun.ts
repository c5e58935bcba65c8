/** The part of Bun used here; `@types/bun` has it all. */
declare const Bun: {
  serve(options: {
    port: number
    hostname: string
    fetch: (request: Request) => Response | Promise<Response>
  }): { stop(): Promise<void> }
}

// #region server
import { setTimeout as sleep } from 'node:timers/promises'
import { drain } from 'background-tasks'
import closeWithGrace from 'close-with-grace'
import { handler } from './handler.ts'

const port = Number(process.env['PORT'] ?? 3000)
const server = Bun.serve({ port, hostname: '127.0.0.1', fetch: (request) => handler(request) })

const delay = Number(process.env['CLOSE_DELAY'] ?? 20_000)
closeWithGrace({ delay }, async ({ err }) => {
  if (err) console.error(err)
  await Promise.race([server.stop(), sleep(5_000)])
  const timeout = Number(process.env['DRAIN_TIMEOUT'] ?? 10_000)
  const { abandoned } = await drain({ timeout })
  if (abandoned.length === 0) return
  throw new Error(`Gave up on ${abandoned.map(({ name }) => name).join(', ')}`)
})
// #endregion
