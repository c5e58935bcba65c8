import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { Miniflare } from 'miniflare'
import { version } from 'workerd'

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
  handleStructuredLogs: ({ level, message }) => {
    process.stdout.write(`${level}: ${message}\n`)
  },
})
await miniflare.ready

// The date of its release.
process.stdout.write(`@event ${JSON.stringify({ type: 'version', id: '', version: `workerd ${version}` })}\n`)
