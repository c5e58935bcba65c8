import { existsSync } from 'node:fs'
import { report } from './events'

/** Holds the whole thread until the client, on having its last byte, has made the file. */
export function block(id: string, file: string): void {
  const deadline = Date.now() + 10_000
  while (Date.now() < deadline) {
    if (existsSync(file)) return report('unblocked', id, { by: 'the client' })
  }
  report('unblocked', id, { by: 'the clock' })
}
