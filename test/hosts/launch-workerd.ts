import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import process from 'node:process'
import { Miniflare, type WorkerdStructuredLog } from 'miniflare'

// Straight to the Worker, without Miniflare's own Worker in front: that one would hide from it how
// its client behaves.
const [script = '', format = 'esm', flags = '', object = ''] = process.argv.slice(2)
const miniflare = new Miniflare({
  modules: format === 'esm',
  script: await readFile(script, 'utf8'),
  compatibilityDate: '2026-07-01',
  compatibilityFlags: flags.split(',').filter(Boolean),
  ...(object !== '' && { durableObjects: { OBJECT: object } }),
  bindings: { UPSTREAM: process.env['UPSTREAM'] ?? '' },
  unsafeDirectSockets: [{ host: '127.0.0.1', port: Number(process.env['PORT']) }],
  handleStructuredLogs({ level, message }: WorkerdStructuredLog) {
    process.stdout.write(`${level}: ${textOf(message)}\n`)
  },
  // In the service-worker format workerd prints what is logged only then, in a form of its own.
  verbose: format === 'iife',
})
await miniflare.ready

function textOf(message: string): string {
  const [, values] = /^console\.log\(\); message\(\) = (\[.*\])$/.exec(message) ?? []
  return values === undefined ? message : JSON.parse(values).join(' ')
}

// It has no types.
const { version } = createRequire(import.meta.url)('workerd')
process.stdout.write(
  `@event ${JSON.stringify({ type: 'version', id: '', version: `workerd ${version}` })}\n`,
)
