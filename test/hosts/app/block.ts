import { existsSync } from 'node:fs'
import process from 'node:process'

/**
 * Blocks the whole process until the client, which has the last byte then, has created the file of
 * this id. A task that held back that byte would wait in vain.
 */
export function block(id: string): string {
  const file = `${process.env['GATES']}/${id}`
  const deadline = Date.now() + 3000
  while (!existsSync(file)) {
    if (Date.now() > deadline) return 'held back'
  }
  return 'released'
}
