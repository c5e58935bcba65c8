import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServerAdapter } from '@whatwg-node/server'
import { drain } from 'background-tasks'
import closeWithGrace from 'close-with-grace'
import { handler } from './handler.ts'

const server = createServer(createServerAdapter(handler))
server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1')

// The delay is above the sum of the two deadlines below.
const delay = Number(process.env['CLOSE_DELAY'] ?? 20_000)
closeWithGrace({ delay }, async ({ err }) => {
  if (err) console.error(err)
  await Promise.race([once(server.close(), 'close'), sleep(5_000)])
  const timeout = Number(process.env['DRAIN_TIMEOUT'] ?? 10_000)
  const { abandoned } = await drain({ timeout })
  if (abandoned.length === 0) return
  throw new Error(`Gave up on ${abandoned.map(({ name }) => name).join(', ')}`)
})
