import { setTimeout as sleep } from 'node:timers/promises'
import { drain } from 'background-tasks'
import closeWithGrace from 'close-with-grace'
import { serve } from 'srvx'
import { handler } from './handler.ts'

const port = Number(process.env['PORT'] ?? 3000)
const options = { port, hostname: '127.0.0.1', gracefulShutdown: false }
const server = serve({ ...options, fetch: (request) => handler(request) })

// The delay is above the sum of the two deadlines below.
const delay = Number(process.env['CLOSE_DELAY'] ?? 20_000)
closeWithGrace({ delay }, async ({ err }) => {
  if (err) console.error(err)
  await Promise.race([server.close(), sleep(5_000)])
  const timeout = Number(process.env['DRAIN_TIMEOUT'] ?? 10_000)
  const { abandoned } = await drain({ timeout })
  if (abandoned.length === 0) return
  throw new Error(`Gave up on ${abandoned.map(({ name }) => name).join(', ')}`)
})
