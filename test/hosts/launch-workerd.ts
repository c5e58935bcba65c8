import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import process from 'node:process'
import { Miniflare, type WorkerdStructuredLog } from 'miniflare'

// Straight to the Worker, without Miniflare's own Worker in front: that one would hide from it how
// its client behaves.
const [script = '', flags = ''] = process.argv.slice(2)
const miniflare = new Miniflare({
  modules: true,
  script: await readFile(script, 'utf8'),
  compatibilityDate: '2026-07-01',
  compatibilityFlags: flags.split(',').filter(Boolean),
  bindings: { UPSTREAM: process.env['UPSTREAM'] ?? '' },
  unsafeDirectSockets: [{ host: '127.0.0.1', port: Number(process.env['PORT']) }],
  handleStructuredLogs({ level, message }: WorkerdStructuredLog) {
    process.stdout.write(`${level}: ${message}\n`)
  },
})
await miniflare.ready

// It has no types.
const { version } = createRequire(import.meta.url)('workerd')
process.stdout.write(
  `@event ${JSON.stringify({ type: 'version', id: '', version: `workerd ${version}` })}\n`,
)
