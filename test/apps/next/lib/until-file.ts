import { existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { report } from './events'

/** Ends when the suite has made the file, which it can do when the server takes no requests. */
export async function untilFile(id: string, file: string): Promise<void> {
  report('waits-for-file', id)
  while (!existsSync(file)) await setTimeout(20)
  report('file-seen', id)
}
